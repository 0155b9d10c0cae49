package io.apgms.ml.gateway.trace;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.trace.ReadWriteSpan;
import io.opentelemetry.sdk.trace.ReadableSpan;
import io.opentelemetry.sdk.trace.SpanProcessor;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How many ended spans may wait, those under way to the receiver included: a receiver that hangs or
 * is away costs so much memory and nothing else. What is over it is dropped and counted. The batch
 * processor in between bounds its queue too, but says to nobody here what it dropped.
 */
final class SpanBudget {
  private static final Logger LOG = LoggerFactory.getLogger(SpanBudget.class);

  private final AtomicInteger waiting = new AtomicInteger();
  private final Counter exported;
  private final Counter failed;
  private final Counter dropped;
  private volatile boolean failing;

  SpanBudget(MeterRegistry meters) {
    exported = counter(meters, "exported");
    failed = counter(meters, "failed");
    dropped = counter(meters, "dropped");
  }

  private static Counter counter(MeterRegistry meters, String result) {
    return Counter.builder("apgms_ml_trace_spans")
        .description("spans that ended: exported, refused by the receiver, or dropped before it")
        .tag("result", result)
        .register(meters);
  }

  int waiting() {
    return waiting.get();
  }

  /**
   * Before the processor that queues.
   *
   * @param max no more than its queue holds
   */
  SpanProcessor before(SpanProcessor queue, int max) {
    return new Entrance(queue, max);
  }

  /** Before the exporter; only what is allowed goes on. */
  SpanExporter before(SpanExporter exporter) {
    return new Exit(exporter);
  }

  private final class Entrance implements SpanProcessor {
    private final SpanProcessor queue;
    private final int max;

    Entrance(SpanProcessor queue, int max) {
      this.queue = queue;
      this.max = max;
    }

    @Override
    public void onStart(Context parent, ReadWriteSpan span) {
      queue.onStart(parent, span);
    }

    @Override
    public boolean isStartRequired() {
      return queue.isStartRequired();
    }

    @Override
    public void onEnd(ReadableSpan span) {
      if (!span.getSpanContext().isSampled()) {
        return;
      }
      if (waiting.incrementAndGet() > max) {
        waiting.decrementAndGet();
        dropped.increment();
        return;
      }
      queue.onEnd(span);
    }

    @Override
    public boolean isEndRequired() {
      return true;
    }

    @Override
    public CompletableResultCode forceFlush() {
      return queue.forceFlush();
    }

    @Override
    public CompletableResultCode shutdown() {
      return queue.shutdown();
    }
  }

  private final class Exit implements SpanExporter {
    private final SpanExporter exporter;

    Exit(SpanExporter exporter) {
      this.exporter = exporter;
    }

    @Override
    public CompletableResultCode export(Collection<SpanData> spans) {
      int count = spans.size();
      List<SpanData> allowed = spans.stream().<SpanData>map(AllowedSpan::new).toList();
      CompletableResultCode result = exporter.export(allowed);
      return result.whenComplete(() -> ended(count, result.isSuccess()));
    }

    private void ended(int count, boolean well) {
      waiting.addAndGet(-count);
      (well ? exported : failed).increment(count);
      if (failing == well) {
        failing = !well;
        LOG.warn(well ? "the receiver of traces takes them again" : "traces are not received");
      }
    }

    @Override
    public CompletableResultCode flush() {
      return exporter.flush();
    }

    @Override
    public CompletableResultCode shutdown() {
      return exporter.shutdown();
    }
  }
}
