package io.apgms.ml.gateway.settings;

import io.apgms.ml.feedback.ActionSink;
import io.apgms.ml.feedback.WebhookSecrets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where enforced actions go: sinks with a secret, or none. What is told of either holds neither.
 */
final class ActionSettings {
  private static final int MAX_SINKS = 16;
  private static final String SINKS = "action.sinks (ML_ACTION_SINKS)";
  private static final String SECRET = "action.secret (ML_ACTION_SECRET)";

  private ActionSettings() {}

  static Settings.@Nullable Actions read(SettingsReader in) {
    String urls = in.text("action.sinks", "ML_ACTION_SINKS");
    String secret = in.text("action.secret", "ML_ACTION_SECRET");
    boolean allowPrivate = in.flag("action.allowPrivate", "ML_ACTION_ALLOW_PRIVATE");
    int concurrency = in.number("action.concurrency", "ML_ACTION_CONCURRENCY", 1, 1_024);
    WebhookSecrets secrets = secret.isBlank() ? null : secrets(secret);
    if (urls.isBlank()) {
      return null;
    }
    if (secrets == null) {
      throw new SettingsException(SECRET, "", "whsec_… where action.sinks is set");
    }
    return new Settings.Actions(sinks(urls, allowPrivate), secrets, allowPrivate, concurrency);
  }

  private static WebhookSecrets secrets(String text) {
    try {
      return WebhookSecrets.of(text);
    } catch (IllegalArgumentException e) {
      throw new SettingsException(
          SECRET, "(" + e.getMessage() + ")", "one to four of whsec_<base64 of 24 to 64 bytes>");
    }
  }

  private static List<ActionSink> sinks(String urls, boolean allowPrivate) {
    List<ActionSink> sinks = new ArrayList<>();
    Set<String> ids = new HashSet<>();
    for (String url : urls.strip().split("[,\\s]+", MAX_SINKS + 1)) {
      String number = "(number " + (sinks.size() + 1) + ": ";
      try {
        sinks.add(ActionSink.of(url, allowPrivate));
      } catch (IllegalArgumentException e) {
        throw new SettingsException(
            SINKS, number + e.getMessage() + ")", "up to 16 https URLs with commas between them");
      }
      if (!ids.add(sinks.get(sinks.size() - 1).id())) {
        throw new SettingsException(SINKS, number + "it is there twice)", "each URL once");
      }
    }
    if (sinks.size() > MAX_SINKS) {
      throw new SettingsException(SINKS, "(more than 16)", "up to 16 URLs");
    }
    return sinks;
  }
}
