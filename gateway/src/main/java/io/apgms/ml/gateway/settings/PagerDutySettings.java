package io.apgms.ml.gateway.settings;

import org.jspecify.annotations.Nullable;

/** Where notes of changes go: the address and the key, or neither. */
final class PagerDutySettings {
  private static final String URL = "pagerduty.url (ML_PAGERDUTY_URL)";
  private static final String KEY = "pagerduty.routingKey (ML_PAGERDUTY_ROUTING_KEY)";

  private PagerDutySettings() {}

  static Settings.@Nullable PagerDuty read(SettingsReader in) {
    String url = in.text("pagerduty.url", "ML_PAGERDUTY_URL");
    String key = in.text("pagerduty.routingKey", "ML_PAGERDUTY_ROUTING_KEY");
    if (url.isEmpty()) {
      if (!key.isEmpty()) {
        throw new SettingsException(KEY, "(set)", "empty while pagerduty.url is");
      }
      return null;
    }
    // The key goes there: by TLS, or to this very machine.
    if (!url.matches("https://[^/?#@\\s]+|http://(localhost|127[.]0[.]0[.]1|\\[::1])(:[0-9]+)?")) {
      throw new SettingsException(
          URL,
          url.contains("@") ? "(one with a user)" : url,
          "https://events.pagerduty.com, or another address without a path");
    }
    if (!key.matches("[0-9A-Za-z]{32}")) {
      throw new SettingsException(
          KEY,
          key.isEmpty() ? "" : "(set)",
          "the service's integration key, 32 letters and digits");
    }
    return new Settings.PagerDuty(url, key);
  }
}
