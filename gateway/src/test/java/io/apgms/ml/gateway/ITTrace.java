package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.ByteString;
import io.apgms.ml.gateway.OtlpReceiver.Seen;
import io.apgms.ml.gateway.ReceivingSink.Event;
import io.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
import io.opentelemetry.proto.common.v1.AnyValue;
import io.opentelemetry.proto.common.v1.KeyValue;
import io.opentelemetry.proto.resource.v1.Resource;
import io.opentelemetry.proto.trace.v1.ResourceSpans;
import io.opentelemetry.proto.trace.v1.ScopeSpans;
import io.opentelemetry.proto.trace.v1.Span;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A request's trace, from its caller's header to the receiver of the action, and in the log. */
class ITTrace {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration BOUND = Duration.ofSeconds(30);
  private static final String CANARY = "canary7f3";
  private static final String CALLER = "00f067aa0ba902b7";

  /** What spans may say. A new one is added here, after a look at what it may hold. */
  private static final Set<String> ALLOWED =
      Set.of(
          "http.request.method",
          "http.route",
          "http.response.status_code",
          "error.type",
          "db.system.name",
          "db.collection.name",
          "ml.chunk.rows",
          "ml.batch.rows",
          "ml.model.id",
          "ml.model.version",
          "ml.prediction.id",
          "ml.decision.mode",
          "ml.decision.enforced",
          "ml.action.kind",
          "ml.action.sink",
          "ml.action.attempt");

  @TempDir Path dir;
  private final OtlpReceiver receiver = new OtlpReceiver();
  private final ReceivingSink sink = new ReceivingSink();
  private RunningService service;

  @AfterEach
  void close() {
    if (service != null) {
      service.close();
    }
    sink.close();
    receiver.close();
  }

  private void serve(Map<String, String> more) throws Exception {
    Map<String, String> settings = Acting.settings(dir);
    settings.put("ML_ACTION_SINKS", sink.url());
    settings.put("ML_ACTION_SECRET", ReceivingSink.SECRET);
    settings.put("ML_ACTION_ALLOW_PRIVATE", "true");
    settings.putAll(more);
    service = RunningService.start(dir, settings);
    RunningService.await(
        BOUND, () -> score(ITFaults.CASE, Map.of()).at("/decision/enforced").asBoolean());
  }

  private Map<String, String> traced(Map<String, String> more) {
    Map<String, String> settings = new java.util.HashMap<>(more);
    settings.put("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url());
    settings.put("OTEL_BSP_SCHEDULE_DELAY", "100");
    settings.put("ML_LOG_FORMAT", "json");
    return settings;
  }

  private JsonNode score(String body, Map<String, String> headers) {
    try {
      HttpResponse<String> answer = service.api("POST", "/ml/score", body, headers);
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
      return RunningService.json(answer);
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static String person(String of) {
    return of.substring(0, of.length() - 1)
        + ",\"entityId\":\"entity-"
        + CANARY
        + "\",\"groups\":{\"company_size\":\""
        + CANARY
        + "\"}}";
  }

  private static String trace(int number) {
    return String.format("4bf92f3577b34da6a3ce929d%08x", number);
  }

  private static Map<String, String> from(String trace) {
    return Map.of("traceparent", "00-" + trace + "-" + CALLER + "-01");
  }

  private Seen span(String trace, String name) throws InterruptedException {
    List<Seen> found = new ArrayList<>();
    RunningService.await(
        BOUND,
        () ->
            receiver.spans(trace).stream()
                .filter(s -> s.name().equals(name))
                .findFirst()
                .map(found::add)
                .isPresent());
    return found.get(0);
  }

  private Event event(String predictionId) throws InterruptedException {
    List<Event> found = new ArrayList<>();
    RunningService.await(
        BOUND,
        () ->
            sink.log().stream()
                .filter(e -> e.predictionId().equals(predictionId))
                .findFirst()
                .map(found::add)
                .isPresent());
    return found.get(0);
  }

  /** The lines of the log, each of which must be JSON. */
  private List<JsonNode> lines() {
    String text = service.logText();
    return text.substring(0, text.lastIndexOf('\n') + 1) // the last one may be under way
        .lines()
        .map(
            line -> {
              try {
                return JSON.readTree(line);
              } catch (IOException e) {
                throw new AssertionError("no JSON: " + line, e);
              }
            })
        .toList();
  }

  private List<String> messages(String trace, String predictionId) {
    return lines().stream()
        .filter(l -> l.path("traceId").asText().equals(trace))
        .filter(l -> l.path("predictionId").asText().equals(predictionId))
        .map(l -> l.path("message").asText())
        .toList();
  }

  @Test
  void request_thatActs_isOneTraceFromItsCallerToTheWebhook() throws Exception {
    serve(traced(Map.of()));
    String trace = trace(1);
    String id = score(person(ITFaults.CASE), from(trace)).path("predictionId").asText();
    Seen server = span(trace, "POST /ml/score");
    Seen bus = span(trace, "bus scoring");
    Seen webhook = span(trace, "POST webhook");
    assertThat(server.parentId()).isEqualTo(CALLER);
    assertThat(server.kind()).isEqualTo(Span.SpanKind.SPAN_KIND_SERVER);
    assertThat(server.attributes())
        .containsEntry("http.response.status_code", "200")
        .containsEntry("ml.prediction.id", id)
        .containsEntry("ml.decision.mode", "act")
        .containsEntry("ml.decision.enforced", "true");
    assertThat(bus.parentId()).isEqualTo(server.spanId());
    assertThat(span(trace, "model run").parentId()).isEqualTo(bus.spanId());
    assertThat(span(trace, "commit decision").parentId()).isEqualTo(server.spanId());
    assertThat(webhook.parentId()).isEqualTo(server.spanId());
    assertThat(webhook.attributes()).containsEntry("http.response.status_code", "204");
    assertThat(receiver.spans(trace)).hasSize(5).noneMatch(Seen::failed);
    assertThat(event(id).traceparent()).isEqualTo("00-" + trace + "-" + webhook.spanId() + "-01");

    RunningService.await(BOUND, () -> messages(trace, id).size() == 2);
    assertThat(messages(trace, id).get(0)).startsWith("decided by risk-score");
    assertThat(messages(trace, id).get(1)).startsWith("hold at 127.0.0.1-").endsWith(": sent");

    label(id);
    RunningService.await(
        BOUND,
        () ->
            receiver.spans(trace).stream().filter(s -> s.name().equals("POST webhook")).count()
                == 2);
    assertOtherRequests();
    assertNobodyIsNamed();
    assertReceiverRefuses();
  }

  /** Its release belongs to the hold's trace. */
  private void label(String id) throws Exception {
    String label =
        String.format(
            "{\"predictionId\":\"%s\",\"modelId\":\"risk-score\",\"modelVersion\":\"20261123\","
                + "\"label\":\"FALSE_POSITIVE\",\"source\":\"OPERATOR\",\"submittedBy\":\"ann-%s\"}",
            id, CANARY);
    assertThat(service.api("POST", "/ml/feedback", label).statusCode()).isEqualTo(201);
  }

  private void assertOtherRequests() throws Exception {
    String spooled = trace(2);
    score(person(ITFaults.CALM), from(spooled));
    assertThat(span(spooled, "spool decision").parentId())
        .isEqualTo(span(spooled, "POST /ml/score").spanId());

    String batch = trace(3);
    String rows =
        "{\"inputs\":[{\"name\":\"input\",\"shape\":[1,12],\"datatype\":\"FP32\","
            + "\"data\":[1,1,1,1,1,1,1,1,1,1,1,1]}]}";
    String infer = "/v2/models/risk-score/infer";
    assertThat(service.api("POST", infer, rows, from(batch)).statusCode()).isEqualTo(200);
    span(batch, "POST /v2/models/:model/infer");
    span(batch, "bus scoring");

    String wrong = trace(4);
    service.api("GET", "/ml/predictions/" + CANARY + "?entityId=" + CANARY, null, from(wrong));
    service.api("GET", "/ml/predictions?entityId=" + CANARY, null, from(wrong));
    service.api("POST", "/ml/score", "{\"" + CANARY + "\":1}", from(wrong));
    String line = "GET /" + CANARY + " HTTP/1.1\r\nHost: x\r\ntraceparent: ";
    service.raw(line + from(wrong).get("traceparent") + "\r\nConnection: close\r\n\r\n");
    assertThat(span(wrong, "GET /ml/predictions").attributes())
        .containsEntry("http.response.status_code", "200");
    assertThat(span(wrong, "POST /ml/score").attributes().get("http.response.status_code"))
        .startsWith("4");
    assertThat(span(wrong, "GET").attributes()).containsEntry("http.response.status_code", "404");

    String malformed = "00-" + trace(5).toUpperCase(java.util.Locale.ROOT) + "-" + CALLER + "-01";
    String own =
        score(ITFaults.CALM, Map.of("traceparent", malformed)).path("predictionId").asText();
    RunningService.await(
        BOUND,
        () ->
            receiver.spans().stream()
                .anyMatch(
                    s ->
                        own.equals(s.attributes().get("ml.prediction.id"))
                            && s.parentId().isEmpty()
                            && !s.traceId().equals(trace(5))));
  }

  private void assertNobodyIsNamed() throws Exception {
    Set<String> said = new TreeSet<>();
    receiver.spans().forEach(s -> said.addAll(s.attributes().keySet()));
    assertThat(ALLOWED).containsAll(said);
    assertThat(receiver.mentions(CANARY)).isFalse();
    assertThat(receiver.mentions("s3cret-path")).isFalse(); // of the sink's URL
    assertThat(service.logText()).doesNotContain(CANARY, "s3cret-path");
    assertThat(service.management("GET", "/metrics", null, null).body()).doesNotContain(CANARY);
    assertThat(lines())
        .allSatisfy(
            line ->
                assertThat(line.fieldNames())
                    .toIterable()
                    .isSubsetOf(
                        "timestamp",
                        "level",
                        "logger",
                        "message",
                        "predictionId",
                        "traceId",
                        "stackTrace"))
        .allSatisfy(line -> assertThat(line.path("timestamp").asText()).endsWith("Z"));
    assertThat(receiver.refused()).isEmpty();
  }

  /** The controls: what is no OTLP is refused, and a person in an attribute is found. */
  private void assertReceiverRefuses() throws Exception {
    byte[] good = planted(16, "http.route").toByteArray();
    assertThat(post("/v1/traces", "application/json", good)).isEqualTo(400);
    assertThat(post("/v1/metrics", "application/x-protobuf", good)).isEqualTo(400);
    assertThat(post("/v1/traces", "application/x-protobuf", new byte[] {1, 2, 3})).isEqualTo(400);
    byte[] shortId = planted(15, "http.route").toByteArray();
    assertThat(post("/v1/traces", "application/x-protobuf", shortId)).isEqualTo(400);
    assertThat(receiver.refused()).hasSize(4);
    assertThat(post("/v1/traces", "application/x-protobuf", good)).isEqualTo(200);
    assertThat(receiver.mentions(CANARY)).isTrue();
    assertThat(
            post("/v1/traces", "application/x-protobuf", planted(16, "enduser.id").toByteArray()))
        .isEqualTo(200);
    assertThat(receiver.spans()).anyMatch(s -> !ALLOWED.containsAll(s.attributes().keySet()));
  }

  private int post(String path, String type, byte[] body) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(receiver.url() + path))
            .header("Content-Type", type)
            .POST(BodyPublishers.ofByteArray(body))
            .build();
    return HttpClient.newHttpClient().send(request, BodyHandlers.discarding()).statusCode();
  }

  private static ExportTraceServiceRequest planted(int idBytes, String key) {
    byte[] id = new byte[idBytes];
    java.util.Arrays.fill(id, (byte) 7);
    Span span =
        Span.newBuilder()
            .setTraceId(ByteString.copyFrom(id))
            .setSpanId(ByteString.copyFrom(id, 0, 8))
            .setName("planted")
            .setKind(Span.SpanKind.SPAN_KIND_INTERNAL)
            .setStartTimeUnixNano(1)
            .setEndTimeUnixNano(2)
            .addAttributes(text(key, "entity-" + CANARY))
            .build();
    return ExportTraceServiceRequest.newBuilder()
        .addResourceSpans(
            ResourceSpans.newBuilder()
                .setResource(Resource.newBuilder().addAttributes(text("service.name", "planted")))
                .addScopeSpans(ScopeSpans.newBuilder().addSpans(span)))
        .build();
  }

  private static KeyValue text(String key, String value) {
    return KeyValue.newBuilder()
        .setKey(key)
        .setValue(AnyValue.newBuilder().setStringValue(value))
        .build();
  }

  /** Without an exporter the header goes through as it came, also when the process is killed. */
  @Test
  void request_withoutAnExporter_carriesItsTraceAcrossAKill() throws Exception {
    serve(Map.of());
    sink.answers(e -> 503);
    String trace = trace(6);
    String id = score(ITFaults.CASE, from(trace)).path("predictionId").asText();
    event(id);
    RunningService.await(BOUND, () -> metric("apgms_ml_actions_total", "result=\"retried\"") > 0);
    service.kill();
    int before = sink.taken();
    sink.answers(e -> 204);
    service.launch();
    RunningService.await(
        BOUND,
        () ->
            sink.log().subList(before, sink.taken()).stream()
                .anyMatch(e -> e.predictionId().equals(id)));
    assertThat(sink.log().stream().filter(e -> e.predictionId().equals(id)))
        .hasSizeGreaterThan(1)
        .allMatch(e -> from(trace).get("traceparent").equals(e.traceparent()));
    assertThat(sink.log().stream().filter(e -> !e.predictionId().equals(id)))
        .allMatch(e -> e.traceparent() == null);
    assertThat(service.logText()).contains("traceId=\"" + trace + "\" predictionId=\"" + id);
    RunningService.await( // the action's end, which is told once it is stored
        BOUND, () -> service.logText().contains("predictionId=\"" + id + "\" traceId=\"" + trace));
    assertThat(service.metric("apgms_ml_trace_spans_total")).isZero();
    assertThat(receiver.spans()).isEmpty();
  }

  @Test
  void receiver_thatHangsAndThenIsAway_costsSpansAndNothingElse() throws Exception {
    int queue = 256;
    receiver.hangs(true);
    serve(
        traced(
            Map.of(
                "OTEL_BSP_MAX_QUEUE_SIZE",
                "" + queue,
                "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
                "64",
                "OTEL_EXPORTER_OTLP_TIMEOUT",
                "1000")));
    int requests = 500;
    long longest = 0;
    for (int i = 0; i < requests; i++) {
      long start = System.nanoTime();
      score(ITFaults.CALM, from(trace(100 + i)));
      longest = Math.max(longest, System.nanoTime() - start);
    }
    assertThat(Duration.ofNanos(longest)).isLessThan(Duration.ofSeconds(1));
    double dropped = service.metric("apgms_ml_trace_spans_total", "result=\"dropped\"");
    assertThat(dropped).isGreaterThan(4.0 * requests / 2); // four spans a request
    assertThat(service.metric("apgms_ml_trace_spans_total", "result=\"exported\"")).isZero();
    RunningService.await(
        BOUND,
        () ->
            metric("apgms_ml_decision_lines_dropped_total", "")
                    + lines().stream().filter(l -> l.has("traceId")).count()
                >= requests);

    receiver.hangs(false);
    RunningService.await(
        BOUND, () -> metric("apgms_ml_trace_spans_total", "result=\"exported\"") > 0);
    score(ITFaults.CALM, from(trace(99)));
    span(trace(99), "POST /ml/score");
    assertThat(lines().stream().map(l -> l.path("message").asText()))
        .contains("traces are not received", "the receiver of traces takes them again");

    receiver.close(); // and the service ends in its time, though nobody takes what waits
    score(ITFaults.CALM, from(trace(98)));
    long start = System.nanoTime();
    service.close();
    service = null;
    assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(15));
  }

  private double metric(String name, String label) {
    try {
      return service.metric(name, label);
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
