package io.apgms.ml.gateway.pagerduty;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import io.apgms.ml.gateway.mirror.FaultyServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * PagerDuty's Events API v2, alert and change events: strict about method, path, media type, key
 * and shape, with PagerDuty's own kind of answers. It repeats the key in its refusals, as none
 * should.
 */
public final class PagerDutyStub extends FaultyServer {
  public static final String KEY = "0123456789abcdefABCDEF0123456789";
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MAX_EVENT = 512 << 10;
  private static final Set<String> ACTIONS = Set.of("trigger", "acknowledge", "resolve");
  private static final Set<String> SEVERITIES = Set.of("critical", "error", "warning", "info");
  private static final Set<String> ALERT_FIELDS =
      Set.of(
          "routing_key",
          "event_action",
          "dedup_key",
          "payload",
          "images",
          "links",
          "client",
          "client_url");
  private static final Set<String> ALERT_PAYLOAD =
      Set.of(
          "summary",
          "source",
          "severity",
          "timestamp",
          "component",
          "group",
          "class",
          "custom_details");
  private static final Set<String> CHANGE_FIELDS =
      Set.of("routing_key", "payload", "links", "images");
  private static final Set<String> CHANGE_PAYLOAD =
      Set.of("summary", "source", "timestamp", "custom_details");

  private final List<JsonNode> alerts = new ArrayList<>();
  private final List<JsonNode> changes = new ArrayList<>();
  private final List<String> refused = new ArrayList<>();

  private PagerDutyStub() throws IOException {}

  public static PagerDutyStub start() throws IOException {
    PagerDutyStub stub = new PagerDutyStub();
    stub.begin();
    return stub;
  }

  /** As it answers where it takes nothing now. */
  public static Fault throttled(int status, String retryAfter) {
    return new Fault(status, retryAfter, status("throttle exceeded").toString());
  }

  private static ObjectNode status(String text) {
    return JSON.createObjectNode().put("status", text);
  }

  /** The alert events that were taken. */
  public synchronized List<JsonNode> alerts() {
    return List.copyOf(alerts);
  }

  /** The change events that were taken. */
  public synchronized List<JsonNode> changes() {
    return List.copyOf(changes);
  }

  /** Why events were refused. */
  public synchronized List<String> refused() {
    return List.copyOf(refused);
  }

  @Override
  protected synchronized void answer(HttpExchange x, byte[] body) throws IOException {
    String path = x.getRequestURI().getPath();
    boolean alert = path.equals("/v2/enqueue");
    if (!alert && !path.equals("/v2/change/enqueue")) {
      send(x, 404, status("not found").toString());
      return;
    }
    if (!x.getRequestMethod().equals("POST")) {
      send(x, 405, status("method not allowed").toString());
      return;
    }
    List<String> errors = errors(x, body, alert);
    if (!errors.isEmpty()) {
      refused.addAll(errors);
      ObjectNode out = status("invalid event");
      out.put("message", "Event object is invalid");
      ArrayNode list = out.putArray("errors");
      errors.forEach(list::add);
      list.add("got " + new String(body, StandardCharsets.UTF_8));
      send(x, 400, out.toString());
      return;
    }
    JsonNode event = JSON.readTree(body);
    (alert ? alerts : changes).add(event);
    ObjectNode out = status("success");
    out.put("message", alert ? "Event processed" : "Change event processed");
    if (alert) {
      out.put("dedup_key", event.path("dedup_key").asText("made-here"));
    }
    send(x, 202, out.toString());
  }

  private static List<String> errors(HttpExchange x, byte[] body, boolean alert) {
    List<String> errors = new ArrayList<>();
    String type = String.valueOf(x.getRequestHeaders().getFirst("Content-Type"));
    if (!type.matches("application/json(;.*)?")) {
      return List.of("Content-Type is " + type);
    }
    if (body.length > MAX_EVENT) {
      return List.of("Event object is larger than 512 KB");
    }
    JsonNode event;
    try {
      event = JSON.readTree(body);
    } catch (IOException e) {
      return List.of("Invalid JSON");
    }
    String key = event.path("routing_key").asText();
    if (key.length() != 32) {
      errors.add("Length of 'routing_key' is incorrect (should be 32 characters)");
    } else if (!key.equals(KEY)) {
      errors.add("'routing_key' is of no service");
    }
    unknown(event, alert ? ALERT_FIELDS : CHANGE_FIELDS, errors);
    JsonNode payload = event.path("payload");
    if (alert) {
      alertErrors(event, errors);
    }
    if (!alert || event.path("event_action").asText().equals("trigger")) {
      payloadErrors(payload, alert, errors);
    }
    return errors;
  }

  private static void alertErrors(JsonNode event, List<String> errors) {
    String action = event.path("event_action").asText();
    if (!ACTIONS.contains(action)) {
      errors.add("'event_action' is invalid");
    }
    String dedup = event.path("dedup_key").asText();
    if (dedup.length() > 255 || (dedup.isEmpty() && !action.equals("trigger"))) {
      errors.add("'dedup_key' is missing or too long");
    }
  }

  private static void payloadErrors(JsonNode payload, boolean alert, List<String> errors) {
    if (!payload.isObject()) {
      errors.add("'payload' is missing or blank");
      return;
    }
    unknown(payload, alert ? ALERT_PAYLOAD : CHANGE_PAYLOAD, errors);
    text(payload, "summary", 1_024, errors);
    if (alert || payload.has("source")) {
      text(payload, "source", 1_024, errors);
    }
    if (alert && !SEVERITIES.contains(payload.path("severity").asText())) {
      errors.add("'payload.severity' is invalid (must be one of the following: 'critical',…)");
    }
    if (payload.has("timestamp")) {
      try {
        OffsetDateTime.parse(payload.path("timestamp").asText());
      } catch (DateTimeParseException e) {
        errors.add("'payload.timestamp' is no ISO 8601 time");
      }
    }
    JsonNode details = payload.path("custom_details");
    if (!details.isMissingNode() && !details.isObject()) {
      errors.add("'payload.custom_details' is no object");
    }
  }

  private static void text(JsonNode in, String field, int max, List<String> errors) {
    String text = in.path(field).asText();
    if (!in.path(field).isTextual() || text.isBlank() || text.length() > max) {
      errors.add("'payload." + field + "' is missing, blank or too long");
    }
  }

  private static void unknown(JsonNode in, Set<String> known, List<String> errors) {
    for (Map.Entry<String, JsonNode> field : in.properties()) {
      if (!known.contains(field.getKey())) {
        errors.add("'" + field.getKey() + "' is unknown");
      }
    }
  }
}
