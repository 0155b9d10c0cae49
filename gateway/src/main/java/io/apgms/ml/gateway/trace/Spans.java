package io.apgms.ml.gateway.trace;

import io.apgms.ml.feedback.SendTracing;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Makes the spans of requests and of sends; may be called from any thread. */
public final class Spans implements SendTracing {
  private static final String SENT = "POST webhook";

  private final Tracer tracer;

  Spans(Tracer tracer) {
    this.tracer = tracer;
  }

  /**
   * The span of a request that has come.
   *
   * @param method one of a closed list
   * @param arrivedNanos monotonic
   */
  public RequestSpan request(String method, @Nullable Traceparent parent, long arrivedNanos) {
    return new RequestSpan(tracer, method, parent, arrivedNanos);
  }

  /** The parent that a header names; none where it names none. */
  static Context remote(@Nullable Traceparent parent) {
    if (parent == null) {
      return Context.root();
    }
    TraceFlags flags = parent.sampled() ? TraceFlags.getSampled() : TraceFlags.getDefault();
    SpanContext remote =
        SpanContext.createFromRemoteParent(
            parent.traceId(), parent.parentId(), flags, TraceState.getDefault());
    return Context.root().with(Span.wrap(remote));
  }

  /** What takes {@link System#nanoTime()} to nanoseconds since 1970. */
  static long epoch() {
    Instant now = Instant.now();
    return TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano() - System.nanoTime();
  }

  @Override
  public Attempt begin(Sending s) {
    Span span =
        tracer
            .spanBuilder(SENT)
            .setParent(remote(Traceparent.parse(s.traceparent())))
            .setSpanKind(SpanKind.CLIENT)
            .setAttribute(SpanKeys.METHOD, "POST")
            .setAttribute(SpanKeys.PREDICTION, s.predictionId().toString())
            .setAttribute(SpanKeys.ACTION, s.kind())
            .setAttribute(SpanKeys.SINK, s.sink())
            .setAttribute(SpanKeys.ATTEMPT, (long) s.attempt())
            .startSpan();
    return new Sent(span);
  }

  /** One that is held back never ends, and so is never exported. */
  private record Sent(Span span) implements Attempt {
    @Override
    public String traceparent() {
      SpanContext of = span.getSpanContext();
      return Traceparent.header(of.getTraceId(), of.getSpanId(), of.isSampled());
    }

    @Override
    public void ended(int status, @Nullable String failure) {
      if (status > 0) {
        span.setAttribute(SpanKeys.STATUS, status);
      }
      if (failure != null) {
        span.setAttribute(SpanKeys.ERROR, status > 0 ? Integer.toString(status) : failure)
            .setStatus(StatusCode.ERROR);
      }
      span.end();
    }
  }
}
