package io.apgms.ml.gateway.pagerduty;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * PagerDuty's Events API v2, alert and change events: strict about method, path, media type, key
 * and shape, with PagerDuty's own kind of answers. It repeats the key in its refusals, as none
 * should.
 */
public final class PagerDutyStub implements AutoCloseable {
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

  private final HttpServer server;
  private final List<JsonNode> alerts = new ArrayList<>();
  private final List<JsonNode> changes = new ArrayList<>();
  private final List<String> refused = new ArrayList<>();
  private final Deque<Fault> faults = new ArrayDeque<>();
  private int requests;

  /** An answer that is given instead, once. */
  public record Fault(int status, String retryAfter) {}

  private PagerDutyStub(HttpServer server) {
    this.server = server;
  }

  public static PagerDutyStub start() throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    PagerDutyStub stub = new PagerDutyStub(server);
    server.createContext("/", stub::handle);
    server.start();
    return stub;
  }

  public String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
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

  public synchronized int requests() {
    return requests;
  }

  public synchronized void fail(Fault fault, int times) {
    for (int i = 0; i < times; i++) {
      faults.add(fault);
    }
  }

  private void handle(HttpExchange x) throws IOException {
    byte[] body = x.getRequestBody().readAllBytes();
    Fault fault;
    synchronized (this) {
      requests++;
      fault = faults.poll();
    }
    if (fault != null) {
      if (fault.retryAfter() != null) {
        x.getResponseHeaders().set("Retry-After", fault.retryAfter());
      }
      send(x, fault.status(), JSON.createObjectNode().put("status", "throttle exceeded"));
      return;
    }
    answer(x, body);
  }

  private synchronized void answer(HttpExchange x, byte[] body) throws IOException {
    String path = x.getRequestURI().getPath();
    boolean alert = path.equals("/v2/enqueue");
    if (!alert && !path.equals("/v2/change/enqueue")) {
      send(x, 404, JSON.createObjectNode().put("status", "not found"));
      return;
    }
    if (!x.getRequestMethod().equals("POST")) {
      send(x, 405, JSON.createObjectNode().put("status", "method not allowed"));
      return;
    }
    List<String> errors = errors(x, body, alert);
    if (!errors.isEmpty()) {
      refused.addAll(errors);
      ObjectNode out = JSON.createObjectNode().put("status", "invalid event");
      out.put("message", "Event object is invalid");
      ArrayNode list = out.putArray("errors");
      errors.forEach(list::add);
      list.add("got " + new String(body, StandardCharsets.UTF_8));
      send(x, 400, out);
      return;
    }
    JsonNode event = JSON.readTree(body);
    (alert ? alerts : changes).add(event);
    ObjectNode out = JSON.createObjectNode().put("status", "success");
    out.put("message", alert ? "Event processed" : "Change event processed");
    if (alert) {
      out.put("dedup_key", event.path("dedup_key").asText("made-here"));
    }
    send(x, 202, out);
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

  private static void send(HttpExchange x, int status, JsonNode body) throws IOException {
    byte[] bytes = body.toString().getBytes(StandardCharsets.UTF_8);
    x.getResponseHeaders().set("Content-Type", "application/json");
    x.sendResponseHeaders(status, bytes.length);
    x.getResponseBody().write(bytes);
    x.close();
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
