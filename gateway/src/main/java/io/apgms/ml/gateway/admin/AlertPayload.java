package io.apgms.ml.gateway.admin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.http.FieldError;
import io.apgms.ml.gateway.http.Fields;
import io.apgms.ml.gateway.http.Problem;
import io.apgms.ml.registry.Alert;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What Alertmanager's webhook sends, version 4. Strict in what is read here; what is not is let be,
 * as it is not ours.
 *
 * @see <a href="https://prometheus.io/docs/alerting/latest/configuration/#webhook_config">its
 *     format</a>
 */
final class AlertPayload {
  static final int MAX_ALERTS = 100;
  private static final int MAX_LABELS = 64;
  private static final int MAX_VALUE = 1_024;
  private static final int MAX_NAME = 255;
  private static final int MAX_SUMMARY = 1_000;
  private static final int MAX_ERRORS = 16;

  /** Go's zero time: it has not ended. */
  private static final String NEVER = "0001-01-01T00:00:00Z";

  private static final Pattern FINGERPRINT = Pattern.compile("[0-9a-f]{1,64}");

  private final List<FieldError> errors = new ArrayList<>();

  private AlertPayload() {}

  /** The alerts of a payload; refuses with 422, naming each field, what is none. */
  static List<Alert> read(ObjectNode body) {
    AlertPayload payload = new AlertPayload();
    List<Alert> alerts = payload.alerts(body);
    if (!payload.errors.isEmpty()) {
      throw Problem.fields(payload.errors);
    }
    return alerts;
  }

  private List<Alert> alerts(ObjectNode body) {
    if (!body.path("version").asText().equals("4") || !body.path("version").isTextual()) {
      refuse("/version", shown(body.path("version")) + ", expected \"4\"");
    }
    JsonNode array = body.path("alerts");
    if (!array.isArray() || array.size() > MAX_ALERTS) {
      refuse(
          "/alerts",
          (array.isArray() ? array.size() + " alerts" : kind(array))
              + ", expected an array of at most "
              + MAX_ALERTS);
      return List.of();
    }
    List<Alert> alerts = new ArrayList<>();
    for (int i = 0; i < array.size() && errors.size() < MAX_ERRORS; i++) {
      Alert alert = alert("/alerts/" + i, array.get(i));
      if (alert != null) {
        alerts.add(alert);
      }
    }
    return alerts;
  }

  private @Nullable Alert alert(String at, JsonNode node) {
    int before = errors.size();
    if (!node.isObject()) {
      refuse(at, kind(node) + ", expected an object");
      return null;
    }
    String status = text(at + "/status", node.path("status"));
    if (!status.isEmpty() && !status.equals("firing") && !status.equals("resolved")) {
      refuse(at + "/status", FieldError.quote(status) + ", expected firing or resolved");
    }
    String fingerprint = text(at + "/fingerprint", node.path("fingerprint"));
    if (!fingerprint.isEmpty() && !FINGERPRINT.matcher(fingerprint).matches()) {
      refuse(
          at + "/fingerprint", FieldError.quote(fingerprint) + ", expected 1 to 64 of 0-9 and a-f");
    }
    Map<String, String> labels = texts(at + "/labels", node.path("labels"));
    String name = labels.getOrDefault("alertname", "");
    if (name.isBlank() || name.length() > MAX_NAME) {
      refuse(
          at + "/labels/alertname",
          name.length() + " characters, expected a name of 1 to " + MAX_NAME);
    }
    Map<String, String> annotations =
        node.has("annotations") ? texts(at + "/annotations", node.path("annotations")) : Map.of();
    Instant startsAt = time(at + "/startsAt", text(at + "/startsAt", node.path("startsAt")));
    String end = node.has("endsAt") ? text(at + "/endsAt", node.path("endsAt")) : NEVER;
    Instant endsAt = end.equals(NEVER) ? null : time(at + "/endsAt", end);
    if (status.equals("resolved") && endsAt == null) {
      refuse(at + "/endsAt", FieldError.quote(end) + ", expected when it was resolved");
    }
    if (errors.size() > before || startsAt == null) {
      return null;
    }
    Instant ended = status.equals("resolved") ? endsAt : null; // of one that fires it is a timeout
    return new Alert(fingerprint, startsAt, ended, labels, summary(annotations));
  }

  private static @Nullable String summary(Map<String, String> annotations) {
    String text = annotations.get("summary");
    return text == null || text.length() <= MAX_SUMMARY ? text : text.substring(0, MAX_SUMMARY);
  }

  /** A text that must be there; empty when it was refused. */
  private String text(String at, JsonNode node) {
    if (!node.isTextual() || node.textValue().isEmpty()) {
      refuse(at, kind(node) + ", expected a string that is not empty");
      return "";
    }
    return node.textValue();
  }

  private @Nullable Instant time(String at, String text) {
    if (text.isEmpty()) {
      return null; // refused already
    }
    Instant time = Fields.parseTime(text);
    if (time == null) {
      refuse(at, FieldError.quote(text) + ", expected RFC 3339 as 2026-11-23T08:00:00Z");
      return null;
    }
    return time.truncatedTo(ChronoUnit.MICROS);
  }

  private Map<String, String> texts(String at, JsonNode node) {
    Map<String, String> texts = new TreeMap<>();
    if (!node.isObject() || node.size() > MAX_LABELS) {
      refuse(
          at, kind(node) + " of " + node.size() + ", expected an object of at most " + MAX_LABELS);
      return texts;
    }
    for (Map.Entry<String, JsonNode> member : node.properties()) {
      JsonNode value = member.getValue();
      if (!value.isTextual() || value.textValue().length() > MAX_VALUE) {
        refuse(
            at + "/" + FieldError.token(member.getKey()),
            kind(value) + ", expected a string of at most " + MAX_VALUE + " characters");
      } else {
        texts.put(member.getKey(), value.textValue());
      }
    }
    return texts;
  }

  private void refuse(String pointer, String detail) {
    if (errors.size() < MAX_ERRORS) {
      errors.add(new FieldError(pointer, detail));
    }
  }

  private static String shown(JsonNode node) {
    return node.isTextual() ? FieldError.quote(node.textValue()) : kind(node);
  }

  private static String kind(JsonNode node) {
    return node.isMissingNode()
        ? "missing"
        : "a JSON " + node.getNodeType().name().toLowerCase(Locale.ROOT);
  }
}
