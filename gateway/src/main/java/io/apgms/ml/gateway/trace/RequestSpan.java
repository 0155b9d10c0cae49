package io.apgms.ml.gateway.trace;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The span of one request, and those of its steps below it. */
public final class RequestSpan implements Trace {
  private static final int SERVER_ERROR = 500;

  private final Tracer tracer;
  private final Span span;
  private final Context context;
  private final boolean wanted;

  /** What takes a monotonic time to one since 1970, both in nanoseconds. */
  private final long epoch;

  RequestSpan(Tracer tracer, String method, @Nullable Traceparent parent, long arrivedNanos) {
    this.tracer = tracer;
    this.epoch = Spans.epoch();
    this.span =
        tracer
            .spanBuilder(method)
            .setParent(Spans.remote(parent))
            .setSpanKind(SpanKind.SERVER)
            .setStartTimestamp(epoch + arrivedNanos, TimeUnit.NANOSECONDS)
            .setAttribute(SpanKeys.METHOD, method)
            .startSpan();
    this.context = Context.root().with(span);
    this.wanted = parent != null || span.getSpanContext().isSampled();
  }

  @Override
  public String traceId() {
    return span.getSpanContext().getTraceId();
  }

  @Override
  public String traceparent() {
    SpanContext of = span.getSpanContext();
    return Traceparent.header(of.getTraceId(), of.getSpanId(), of.isSampled());
  }

  @Override
  public boolean wanted() {
    return wanted;
  }

  @Override
  public void scored(Scored how) {
    if (!span.isRecording()) {
      return;
    }
    Span bus =
        step("bus scoring", SpanKind.INTERNAL, context, how.sentNanos())
            .setAttribute(SpanKeys.CHUNK_ROWS, (long) how.chunkRows())
            .startSpan();
    if (how.batchRows() > 0) {
      step("model run", SpanKind.INTERNAL, Context.root().with(bus), how.startedNanos())
          .setAttribute(SpanKeys.BATCH_ROWS, (long) how.batchRows())
          .startSpan()
          .end(epoch + how.untilNanos(), TimeUnit.NANOSECONDS);
    }
    bus.end(epoch + how.untilNanos(), TimeUnit.NANOSECONDS);
  }

  @Override
  public void kept(Kept how) {
    if (!span.isRecording()) {
      return;
    }
    boolean database = how.store() == Store.DATABASE;
    SpanBuilder step =
        database
            ? step("commit decision", SpanKind.CLIENT, context, how.fromNanos())
                .setAttribute(SpanKeys.DB_SYSTEM, "postgresql")
                .setAttribute(SpanKeys.DB_TABLE, "feedback.decision")
            : step("spool decision", SpanKind.INTERNAL, context, how.fromNanos());
    Span write = step.startSpan();
    if (how.failure() != null) {
      write.setAttribute(SpanKeys.ERROR, how.failure()).setStatus(StatusCode.ERROR);
    }
    write.end(epoch + how.untilNanos(), TimeUnit.NANOSECONDS);
  }

  private SpanBuilder step(String name, SpanKind kind, Context parent, long fromNanos) {
    return tracer
        .spanBuilder(name)
        .setParent(parent)
        .setSpanKind(kind)
        .setStartTimestamp(epoch + fromNanos, TimeUnit.NANOSECONDS);
  }

  @Override
  public void decided(
      UUID predictionId, String modelId, String modelVersion, String mode, boolean enforced) {
    span.setAttribute(SpanKeys.PREDICTION, predictionId.toString())
        .setAttribute(SpanKeys.MODEL, modelId)
        .setAttribute(SpanKeys.VERSION, modelVersion)
        .setAttribute(SpanKeys.MODE, mode)
        .setAttribute(SpanKeys.ENFORCED, enforced);
  }

  /**
   * Answered, or given up.
   *
   * @param route as it was mounted, never a path that was asked for; null where none fits
   * @param status 0 where the client went away
   */
  public void ended(String method, @Nullable String route, int status) {
    if (route != null) {
      span.updateName(method + " " + route).setAttribute(SpanKeys.ROUTE, route);
    }
    if (status > 0) {
      span.setAttribute(SpanKeys.STATUS, status);
    }
    if (status == 0 || status >= SERVER_ERROR) {
      String error = status == 0 ? "client_gone" : Integer.toString(status);
      span.setAttribute(SpanKeys.ERROR, error).setStatus(StatusCode.ERROR);
    }
    span.end(epoch + System.nanoTime(), TimeUnit.NANOSECONDS);
  }
}
