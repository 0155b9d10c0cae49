package io.apgms.ml.gateway;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import io.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
import io.opentelemetry.proto.collector.trace.v1.ExportTraceServiceResponse;
import io.opentelemetry.proto.common.v1.AnyValue;
import io.opentelemetry.proto.common.v1.KeyValue;
import io.opentelemetry.proto.trace.v1.ResourceSpans;
import io.opentelemetry.proto.trace.v1.Span;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerRequest;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A receiver of OTLP over HTTP on loopback. It decodes what comes by the protocol's own messages,
 * answers 400 to what is not OTLP 1, and keeps the very bytes, which a test may search.
 */
final class OtlpReceiver implements AutoCloseable {
  /** A span as it came; attributes as text. */
  record Seen(
      String traceId,
      String spanId,
      String parentId,
      String name,
      Span.SpanKind kind,
      boolean failed,
      Map<String, String> attributes) {}

  private final Vertx vertx = Vertx.vertx();
  private final HttpServer server;
  private final List<Seen> spans = Collections.synchronizedList(new ArrayList<>());
  private final List<String> bodies = Collections.synchronizedList(new ArrayList<>());
  private final List<String> refused = Collections.synchronizedList(new ArrayList<>());
  private volatile boolean hangs;

  OtlpReceiver() {
    server =
        PlantedService.await(
            vertx
                .createHttpServer()
                .requestHandler(r -> r.body().onSuccess(body -> take(r, body)))
                .listen(0, "127.0.0.1"));
  }

  /** What {@code OTEL_EXPORTER_OTLP_ENDPOINT} is set to. */
  String url() {
    return "http://127.0.0.1:" + server.actualPort();
  }

  /** Takes requests from now on and answers none; or answers again. */
  void hangs(boolean now) {
    hangs = now;
  }

  List<Seen> spans() {
    return List.copyOf(spans);
  }

  List<Seen> spans(String traceId) {
    return spans().stream().filter(s -> s.traceId().equals(traceId)).toList();
  }

  /** Why requests were answered 400. */
  List<String> refused() {
    return List.copyOf(refused);
  }

  /** Whether that text is anywhere in what came: a name, an attribute, an event, a resource. */
  boolean mentions(String text) {
    return List.copyOf(bodies).stream().anyMatch(body -> body.contains(text));
  }

  private void take(HttpServerRequest request, Buffer body) {
    if (hangs) {
      return;
    }
    bodies.add(new String(body.getBytes(), StandardCharsets.ISO_8859_1));
    String why = refusal(request, body);
    if (why != null) {
      refused.add(why);
      request.response().setStatusCode(400).end();
      return;
    }
    byte[] all = ExportTraceServiceResponse.getDefaultInstance().toByteArray();
    request.response().putHeader("Content-Type", "application/x-protobuf").end(Buffer.buffer(all));
  }

  private String refusal(HttpServerRequest request, Buffer body) {
    if (!request.method().equals(HttpMethod.POST) || !request.path().equals("/v1/traces")) {
      return request.method() + " " + request.path() + ", expected POST /v1/traces";
    }
    if (!"application/x-protobuf".equals(request.getHeader("Content-Type"))) {
      return "Content-Type " + request.getHeader("Content-Type");
    }
    try {
      ExportTraceServiceRequest decoded = ExportTraceServiceRequest.parseFrom(body.getBytes());
      List<Seen> seen = new ArrayList<>();
      String why = read(decoded, seen);
      if (why == null) {
        spans.addAll(seen);
      }
      return why;
    } catch (InvalidProtocolBufferException e) {
      return "no protobuf: " + e.getMessage();
    }
  }

  private static String read(ExportTraceServiceRequest decoded, List<Seen> seen) {
    if (decoded.getResourceSpansCount() == 0 || unknown(decoded)) {
      return "no resource spans, or fields that OTLP has not";
    }
    for (ResourceSpans of : decoded.getResourceSpansList()) {
      if (of.getResource().getAttributesList().stream()
          .noneMatch(a -> a.getKey().equals("service.name"))) {
        return "a resource without service.name";
      }
      for (var scope : of.getScopeSpansList()) {
        for (Span span : scope.getSpansList()) {
          String why = wrong(span);
          if (why != null) {
            return why;
          }
          seen.add(seen(span));
        }
      }
    }
    return seen.isEmpty() ? "no span" : null;
  }

  /** Fields, at any depth, that the protocol's messages do not have. */
  private static boolean unknown(Message message) {
    if (!message.getUnknownFields().asMap().isEmpty()) {
      return true;
    }
    return message.getAllFields().values().stream()
        .flatMap(value -> value instanceof List<?> all ? all.stream() : List.of(value).stream())
        .anyMatch(value -> value instanceof Message inner && unknown(inner));
  }

  private static String wrong(Span span) {
    if (span.getTraceId().size() != 16 || zero(span.getTraceId())) {
      return "a trace id that is none";
    }
    if (span.getSpanId().size() != 8 || zero(span.getSpanId())) {
      return "a span id that is none";
    }
    int parent = span.getParentSpanId().size();
    if (parent != 0 && (parent != 8 || zero(span.getParentSpanId()))) {
      return "a parent id that is none";
    }
    boolean times =
        span.getStartTimeUnixNano() > 0 && span.getEndTimeUnixNano() >= span.getStartTimeUnixNano();
    boolean kind =
        span.getKind() != Span.SpanKind.SPAN_KIND_UNSPECIFIED
            && span.getKind() != Span.SpanKind.UNRECOGNIZED;
    return span.getName().isEmpty() || !times || !kind
        ? "a span without name, times or kind"
        : null;
  }

  private static boolean zero(ByteString id) {
    for (byte b : id) {
      if (b != 0) {
        return false;
      }
    }
    return true;
  }

  private static Seen seen(Span span) {
    Map<String, String> attributes = new TreeMap<>();
    for (KeyValue attribute : span.getAttributesList()) {
      attributes.put(attribute.getKey(), text(attribute.getValue()));
    }
    return new Seen(
        hex(span.getTraceId()),
        hex(span.getSpanId()),
        hex(span.getParentSpanId()),
        span.getName(),
        span.getKind(),
        span.getStatus().getCodeValue() == 2,
        attributes);
  }

  private static String text(AnyValue value) {
    return switch (value.getValueCase()) {
      case STRING_VALUE -> value.getStringValue();
      case INT_VALUE -> Long.toString(value.getIntValue());
      case BOOL_VALUE -> Boolean.toString(value.getBoolValue());
      default -> value.toString();
    };
  }

  private static String hex(ByteString id) {
    return HexFormat.of().formatHex(id.toByteArray());
  }

  @Override
  public void close() {
    PlantedService.await(vertx.close());
  }
}
