package io.apgms.ml.gateway.jira;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.settings.Settings;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/**
 * The four calls of Jira Cloud's REST API v3 that a mirror needs: create issue, add comment, list
 * and do transitions. Texts go as Atlassian Document Format. Blocking, bounded in time and size; it
 * follows no redirect, so that the token goes to no other host.
 *
 * @see <a href="https://developer.atlassian.com/cloud/jira/platform/rest/v3/">its reference</a>
 */
final class JiraClient {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration CONNECT_BOUND = Duration.ofSeconds(5);
  private static final Duration CALL_BOUND = Duration.ofSeconds(10);
  private static final int MAX_ANSWER = 1 << 20;
  private static final int MAX_WHY = 500;
  private static final int MAX_TEXT = 30_000; // Jira takes 32,767 characters of a text
  private static final int MAX_SUMMARY = 255;
  private static final long MAX_RETRY_AFTER_SECONDS = 300;

  private final Settings.Jira settings;
  private final String authorization;
  private final HttpClient http =
      HttpClient.newBuilder()
          .connectTimeout(CONNECT_BOUND)
          .followRedirects(HttpClient.Redirect.NEVER)
          .build();

  JiraClient(Settings.Jira settings) {
    this.settings = settings;
    byte[] pair = (settings.email() + ":" + settings.token()).getBytes(StandardCharsets.UTF_8);
    this.authorization = "Basic " + Base64.getEncoder().encodeToString(pair);
  }

  /** Creates an issue; its key. */
  String create(String summary, String description, String label) throws JiraException {
    ObjectNode fields = JSON.createObjectNode();
    fields.putObject("project").put("key", settings.project());
    fields.putObject("issuetype").put("name", settings.issueType());
    fields.put("summary", cut(summary.replaceAll("\\R", " "), MAX_SUMMARY));
    fields.set("description", document(description));
    fields.putArray("labels").add(label);
    ObjectNode body = JSON.createObjectNode();
    body.set("fields", fields);
    String key = call("POST", "/rest/api/3/issue", body).path("key").asText();
    if (!key.matches("[A-Z][A-Z0-9_]*-[0-9]+")) {
      throw new JiraException.Refused("the answer names no issue key, expected one");
    }
    return key;
  }

  void comment(String key, String text) throws JiraException {
    ObjectNode body = JSON.createObjectNode();
    body.set("body", document(text));
    call("POST", "/rest/api/3/issue/" + key + "/comment", body);
  }

  /** Moves an issue to the first status that Jira counts as done; false where there is none. */
  boolean finish(String key) throws JiraException {
    String path = "/rest/api/3/issue/" + key + "/transitions";
    for (JsonNode transition : call("GET", path, null).path("transitions")) {
      if (transition.at("/to/statusCategory/key").asText().equals("done")) {
        ObjectNode body = JSON.createObjectNode();
        body.putObject("transition").put("id", transition.path("id").asText());
        call("POST", path, body);
        return true;
      }
    }
    return false;
  }

  /** One paragraph a line, as Atlassian Document Format, version 1. */
  static ObjectNode document(String text) {
    ObjectNode document = JSON.createObjectNode().put("type", "doc").put("version", 1);
    var content = document.putArray("content");
    for (String line : cut(text, MAX_TEXT).lines().filter(l -> !l.isBlank()).toList()) {
      ObjectNode paragraph = content.addObject().put("type", "paragraph");
      paragraph.putArray("content").addObject().put("type", "text").put("text", line);
    }
    return document;
  }

  private static String cut(String text, int max) {
    return text.length() <= max ? text : text.substring(0, max - 1) + "…";
  }

  private JsonNode call(String method, String path, @Nullable ObjectNode body)
      throws JiraException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(settings.url() + path))
            .timeout(CALL_BOUND)
            .header("Authorization", authorization)
            .header("Accept", "application/json");
    if (body == null) {
      request.method(method, BodyPublishers.noBody());
    } else {
      request.header("Content-Type", "application/json");
      request.method(method, BodyPublishers.ofString(body.toString()));
    }
    try {
      HttpResponse<InputStream> answer = http.send(request.build(), BodyHandlers.ofInputStream());
      try (InputStream in = answer.body()) {
        return answered(method + " " + path, answer, in.readNBytes(MAX_ANSWER));
      }
    } catch (IOException e) {
      throw new JiraException.Away(
          method + " " + path + " failed: " + e.getClass().getSimpleName(), null);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new JiraException.Away(method + " " + path + " was interrupted", null);
    }
  }

  private static JsonNode answered(String what, HttpResponse<?> answer, byte[] body)
      throws JiraException, IOException {
    int status = answer.statusCode();
    String text = new String(body, StandardCharsets.UTF_8);
    String why = what + " answered " + status + ": " + cut(text, MAX_WHY);
    if (status == 429 || status >= 500) {
      throw new JiraException.Away(why, retryAfter(answer));
    }
    if (status < 200 || status > 299) {
      throw new JiraException.Refused(why);
    }
    return body.length == 0 ? JSON.createObjectNode() : JSON.readTree(body);
  }

  private static @Nullable Duration retryAfter(HttpResponse<?> answer) {
    return answer
        .headers()
        .firstValue("Retry-After")
        .filter(text -> text.matches("[0-9]{1,9}"))
        .map(text -> Math.min(Long.parseLong(text), MAX_RETRY_AFTER_SECONDS))
        .map(Duration::ofSeconds)
        .orElse(null);
  }
}
