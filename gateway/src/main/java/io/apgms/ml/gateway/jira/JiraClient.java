package io.apgms.ml.gateway.jira;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.mirror.JsonCalls;
import io.apgms.ml.gateway.mirror.TellException;
import io.apgms.ml.gateway.settings.Settings;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;

/**
 * The four calls of Jira Cloud's REST API v3 that a mirror needs: create issue, add comment, list
 * and do transitions. Texts go as Atlassian Document Format.
 *
 * @see <a href="https://developer.atlassian.com/cloud/jira/platform/rest/v3/">its reference</a>
 */
final class JiraClient {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MAX_TEXT = 30_000; // Jira takes 32,767 characters of a text
  private static final int MAX_SUMMARY = 255;

  private final Settings.Jira settings;
  private final JsonCalls calls;

  JiraClient(Settings.Jira settings) {
    this.settings = settings;
    byte[] pair = (settings.email() + ":" + settings.token()).getBytes(StandardCharsets.UTF_8);
    String authorization = "Basic " + Base64.getEncoder().encodeToString(pair);
    this.calls =
        new JsonCalls(settings.url(), Map.of("Authorization", authorization), settings.token());
  }

  /** Creates an issue; its key. */
  String create(String summary, String description, String label) throws TellException {
    ObjectNode fields = JSON.createObjectNode();
    fields.putObject("project").put("key", settings.project());
    fields.putObject("issuetype").put("name", settings.issueType());
    fields.put("summary", JsonCalls.cut(summary.replaceAll("\\R", " "), MAX_SUMMARY));
    fields.set("description", document(description));
    fields.putArray("labels").add(label);
    ObjectNode body = JSON.createObjectNode();
    body.set("fields", fields);
    String key = calls.call("POST", "/rest/api/3/issue", body).path("key").asText();
    if (!key.matches("[A-Z][A-Z0-9_]*-[0-9]+")) {
      throw new TellException.Refused("the answer names no issue key, expected one");
    }
    return key;
  }

  void comment(String key, String text) throws TellException {
    ObjectNode body = JSON.createObjectNode();
    body.set("body", document(text));
    calls.call("POST", "/rest/api/3/issue/" + key + "/comment", body);
  }

  /** Moves an issue to the first status that Jira counts as done; false where there is none. */
  boolean finish(String key) throws TellException {
    String path = "/rest/api/3/issue/" + key + "/transitions";
    for (JsonNode transition : calls.call("GET", path, null).path("transitions")) {
      if (transition.at("/to/statusCategory/key").asText().equals("done")) {
        ObjectNode body = JSON.createObjectNode();
        body.putObject("transition").put("id", transition.path("id").asText());
        calls.call("POST", path, body);
        return true;
      }
    }
    return false;
  }

  /** One paragraph a line, as Atlassian Document Format, version 1. */
  static ObjectNode document(String text) {
    ObjectNode document = JSON.createObjectNode().put("type", "doc").put("version", 1);
    var content = document.putArray("content");
    for (String line : JsonCalls.cut(text, MAX_TEXT).lines().filter(l -> !l.isBlank()).toList()) {
      ObjectNode paragraph = content.addObject().put("type", "paragraph");
      paragraph.putArray("content").addObject().put("type", "text").put("text", line);
    }
    return document;
  }
}
