package io.apgms.ml.flags;

import java.net.URI;

/** The address of an Unleash server. */
public final class UnleashUrl {
  private UnleashUrl() {}

  /**
   * The root of its API: {@code http://unleash:4242/api} and {@code http://unleash:4242} are the
   * same one.
   *
   * @throws IllegalArgumentException for anything but an http or https URL of a host; without the
   *     text where it could carry a password
   */
  public static URI api(String text) {
    if (!text.matches("https?://[A-Za-z0-9._~\\[\\]:-]+(/[A-Za-z0-9._~/%-]*)?")) {
      throw new IllegalArgumentException(
          "the flag service's URL is "
              + (text.contains("@") ? "one with a user" : "'" + text + "'")
              + ", expected one as http://unleash:4242/api");
    }
    String root = text.replaceAll("/+$", "");
    return URI.create(root.replaceFirst("https?://", "").contains("/") ? root : root + "/api");
  }
}
