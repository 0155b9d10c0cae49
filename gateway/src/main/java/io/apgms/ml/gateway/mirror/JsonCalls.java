package io.apgms.ml.gateway.mirror;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
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
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * JSON over HTTP to one other system. Blocking, bounded in time and size; it follows no redirect,
 * so that a secret goes to no other host, and none of what it tells of an answer holds the secret.
 */
public final class JsonCalls {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration CONNECT_BOUND = Duration.ofSeconds(5);
  private static final Duration CALL_BOUND = Duration.ofSeconds(10);
  private static final int MAX_ANSWER = 1 << 20;
  private static final int MAX_WHY = 500;
  private static final long MAX_RETRY_AFTER_SECONDS = 300;

  private final String base;
  private final Map<String, String> headers;
  private final String secret;
  private final HttpClient http =
      HttpClient.newBuilder()
          .connectTimeout(CONNECT_BOUND)
          .followRedirects(HttpClient.Redirect.NEVER)
          .build();

  /**
   * @param base the URL before each path
   * @param headers of each call
   * @param secret what an answer could repeat, and a log must not
   */
  public JsonCalls(String base, Map<String, String> headers, String secret) {
    this.base = base;
    this.headers = Map.copyOf(headers);
    this.secret = secret;
  }

  /** At most so many characters, the last an ellipsis where it was cut. */
  public static String cut(String text, int max) {
    return text.length() <= max ? text : text.substring(0, max - 1) + "…";
  }

  /** The answer's JSON, an empty object where it has no body. */
  public JsonNode call(String method, String path, @Nullable ObjectNode body) throws TellException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(base + path))
            .timeout(CALL_BOUND)
            .header("Accept", "application/json");
    headers.forEach(request::header);
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
      throw new TellException.Away(
          method + " " + path + " failed: " + e.getClass().getSimpleName(), null);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TellException.Away(method + " " + path + " was interrupted", null);
    }
  }

  private JsonNode answered(String what, HttpResponse<?> answer, byte[] body)
      throws TellException, IOException {
    int status = answer.statusCode();
    String text = new String(body, StandardCharsets.UTF_8).replace(secret, "(secret)");
    String why = what + " answered " + status + ": " + cut(text, MAX_WHY);
    if (status == 429 || status >= 500) {
      throw new TellException.Away(why, retryAfter(answer));
    }
    if (status < 200 || status > 299) {
      throw new TellException.Refused(why);
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
