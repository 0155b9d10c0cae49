package io.apgms.ml.gateway.settings;

import org.jspecify.annotations.Nullable;

/** The mirror of tickets: all of its settings, or none. */
final class JiraSettings {
  private JiraSettings() {}

  static Settings.@Nullable Jira read(SettingsReader in) {
    String url = in.text("jira.url", "ML_JIRA_URL");
    String project = in.text("jira.project", "ML_JIRA_PROJECT");
    String issueType = in.text("jira.issueType", "ML_JIRA_ISSUE_TYPE");
    String email = in.text("jira.email", "ML_JIRA_EMAIL");
    String token = in.text("jira.token", "ML_JIRA_TOKEN");
    boolean none = url.isEmpty();
    require(none, "project (ML_JIRA_PROJECT)", project, "[A-Z][A-Z0-9_]{1,254}", "a project's key");
    require(none, "email (ML_JIRA_EMAIL)", email, "[^:\\s]+@[^:\\s]+", "the token's account");
    require(none, "token (ML_JIRA_TOKEN)", token.isEmpty() ? "" : "(set)", ".+", "an API token");
    if (none) {
      return null;
    }
    // The token goes there: by TLS, or to this very machine.
    require(
        false,
        "url (ML_JIRA_URL)",
        url,
        "https://[^/?#\\s]+|http://(localhost|127[.]0[.]0[.]1|\\[::1])(:[0-9]+)?",
        "https://<site>.atlassian.net, without a path");
    return new Settings.Jira(url, project, issueType, email, token);
  }

  private static void require(
      boolean none, String key, String value, String pattern, String expected) {
    if (none ? !value.isEmpty() : !value.matches(pattern)) {
      throw new SettingsException(
          "jira." + key, value, none ? "empty while jira.url (ML_JIRA_URL) is" : expected);
    }
  }
}
