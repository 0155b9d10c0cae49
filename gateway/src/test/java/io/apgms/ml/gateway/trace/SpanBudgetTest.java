package io.apgms.ml.gateway.trace;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.SpanProcessor;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class SpanBudgetTest {
  private static final int MAX = 64;
  private static final String CANARY = "entity-canary7f3";

  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private final SpanBudget budget = new SpanBudget(meters);
  private final Receiver receiver = new Receiver();
  private SdkTracerProvider provider;

  /** Answers when it is told to. */
  private static final class Receiver implements SpanExporter {
    final List<SpanData> seen = Collections.synchronizedList(new ArrayList<>());
    final List<CompletableResultCode> open = Collections.synchronizedList(new ArrayList<>());
    volatile boolean hangs;
    volatile boolean refuses;

    @Override
    public CompletableResultCode export(Collection<SpanData> spans) {
      seen.addAll(spans);
      if (hangs) {
        CompletableResultCode later = new CompletableResultCode();
        open.add(later);
        return later;
      }
      return refuses ? CompletableResultCode.ofFailure() : CompletableResultCode.ofSuccess();
    }

    @Override
    public CompletableResultCode flush() {
      return CompletableResultCode.ofSuccess();
    }

    @Override
    public CompletableResultCode shutdown() {
      return CompletableResultCode.ofSuccess();
    }
  }

  @AfterEach
  void close() {
    receiver.hangs = false;
    receiver.open.forEach(CompletableResultCode::succeed);
    provider.shutdown().join(10, TimeUnit.SECONDS);
  }

  private void open(SpanProcessor queue) {
    provider = SdkTracerProvider.builder().addSpanProcessor(budget.before(queue, MAX)).build();
  }

  private void batched() {
    open(
        BatchSpanProcessor.builder(budget.before(receiver))
            .setMaxQueueSize(MAX)
            .setMaxExportBatchSize(16)
            .setScheduleDelay(10, TimeUnit.MILLISECONDS)
            .build());
  }

  private void spans(int count) {
    for (int i = 0; i < count; i++) {
      provider.get("test").spanBuilder("s").startSpan().end();
    }
  }

  private double counted(String result) {
    return meters.get("apgms_ml_trace_spans").tag("result", result).counter().count();
  }

  private static void await(java.util.function.BooleanSupplier condition)
      throws InterruptedException {
    while (!condition.getAsBoolean()) { // bounded by the test's time
      TimeUnit.MILLISECONDS.sleep(5);
    }
  }

  @Test
  void spans_whileTheReceiverHangs_areBoundedAndTheRestIsCounted() throws Exception {
    receiver.hangs = true;
    batched();
    spans(10_000);
    assertThat(budget.waiting()).isEqualTo(MAX);
    assertThat(counted("dropped")).isEqualTo(10_000 - MAX);
    receiver.hangs = false;
    await(() -> !receiver.open.isEmpty());
    receiver.open.forEach(CompletableResultCode::succeed);
    await(() -> budget.waiting() == 0);
    assertThat(counted("exported")).isEqualTo(MAX);
    assertThat(counted("failed")).isZero();
    spans(MAX); // the room is there again
    await(() -> counted("exported") == 2 * MAX);
    assertThat(counted("dropped")).isEqualTo(10_000 - MAX);
  }

  @Test
  void spans_thatAreNotTaken_areCountedOnce() throws Exception {
    receiver.refuses = true;
    batched();
    spans(MAX);
    await(() -> budget.waiting() == 0);
    assertThat(counted("failed")).isEqualTo(MAX);
    assertThat(counted("exported") + counted("dropped")).isZero();
  }

  /** The planted leak: whoever puts a person's data into a span, it does not leave. */
  @Test
  void spans_withWhatIsNotAllowed_leaveWithoutIt() {
    open(SimpleSpanProcessor.create(budget.before(receiver)));
    Span span = provider.get("test").spanBuilder("s").startSpan();
    span.setAttribute("enduser.id", CANARY);
    span.setAttribute(AttributeKey.longKey("ml.model.id"), 7); // that name, of another type
    span.setAttribute(SpanKeys.MODEL, "risk-score");
    span.addEvent("e", Attributes.of(AttributeKey.stringKey("k"), CANARY));
    span.addLink(span.getSpanContext(), Attributes.of(AttributeKey.stringKey("k"), CANARY));
    span.recordException(new IllegalStateException(CANARY));
    span.setStatus(StatusCode.ERROR, CANARY);
    span.end();
    SpanData left = receiver.seen.get(0);
    assertThat(left.getAttributes()).isEqualTo(Attributes.of(SpanKeys.MODEL, "risk-score"));
    assertThat(left.getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
    assertThat(left.getStatus().getDescription() + left.getEvents() + left.getLinks())
        .doesNotContain(CANARY);
  }
}
