package io.apgms.ml.gateway.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.feedback.SendTracing;
import io.apgms.ml.gateway.settings.SettingsException;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TracingTest {
  private static final String NOBODY = "http://127.0.0.1:1";
  private static final Traceparent CALLER =
      new Traceparent("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", true);

  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();

  private Tracing open(Map<String, String> more) {
    Map<String, String> variables = new HashMap<>(more);
    variables.putIfAbsent("OTEL_EXPORTER_OTLP_ENDPOINT", NOBODY);
    return Tracing.open(variables, "r1", meters);
  }

  @Test
  void open_withoutAnEndpoint_recordsNothingAndCarriesOn() {
    for (Map<String, String> off :
        List.of(
            Map.<String, String>of(),
            Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", " "),
            Map.of("OTEL_SERVICE_NAME", "x"))) {
      try (Tracing tracing = Tracing.open(off, "r1", new SimpleMeterRegistry())) {
        assertThat(tracing.spans()).isNull();
        assertThat(tracing.sends()).isSameAs(SendTracing.CARRIED);
      }
    }
  }

  @Test
  void open_countersAreThereBeforeTheFirstSpan() {
    try (Tracing tracing = Tracing.open(Map.of(), "r1", meters)) {
      assertThat(tracing.spans()).isNull();
      assertThat(meters.find("apgms_ml_trace_spans").counters()).hasSize(3);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "OTEL_BSP_MAX_QUEUE_SIZE, many",
    "OTEL_TRACES_SAMPLER, sometimes",
    "OTEL_EXPORTER_OTLP_TIMEOUT, soon",
    "OTEL_EXPORTER_OTLP_PROTOCOL, pigeon",
    "OTEL_EXPORTER_OTLP_HEADERS, s3cret-key"
  })
  void open_aValueThatIsNone_isRefused(String name, String value) {
    assertThatThrownBy(() -> open(Map.of(name, value)))
        .isInstanceOf(SettingsException.class)
        .hasMessageContaining("OTEL_")
        .hasMessageNotContaining("s3cret");
  }

  @Test
  void request_ofACaller_staysInItsTrace() {
    try (Tracing tracing = open(Map.of())) {
      RequestSpan span = tracing.spans().request("POST", CALLER, System.nanoTime());
      assertThat(span.traceId()).isEqualTo(CALLER.traceId());
      assertThat(span.wanted()).isTrue();
      Traceparent on = Traceparent.parse(span.traceparent());
      assertThat(on.traceId()).isEqualTo(CALLER.traceId());
      assertThat(on.parentId()).isNotEqualTo(CALLER.parentId());
      assertThat(on.sampled()).isTrue();
    }
  }

  @Test
  void request_thatNamesNoTrace_isNotWantedWhereItIsNotSampled() {
    try (Tracing tracing = open(Map.of("OTEL_TRACES_SAMPLER", "parentbased_always_off"))) {
      RequestSpan span = tracing.spans().request("POST", null, System.nanoTime());
      assertThat(span.wanted()).isFalse();
      assertThat(Traceparent.parse(span.traceparent()).sampled()).isFalse();
      span.scored(new Trace.Scored(1, 2, 3, 4, 5));
      span.ended("POST", "/ml/score", 200);
      RequestSpan called = tracing.spans().request("POST", CALLER, System.nanoTime());
      assertThat(Traceparent.parse(called.traceparent()).sampled()).isTrue();
    }
  }

  @Test
  void send_ofAStoredTrace_carriesAHeaderOfItsOwnInThatTrace() {
    try (Tracing tracing = open(Map.of())) {
      SendTracing.Attempt attempt = tracing.sends().begin(sending(CALLER.traceparent()));
      Traceparent header = Traceparent.parse(attempt.traceparent());
      assertThat(header.traceId()).isEqualTo(CALLER.traceId());
      assertThat(header.parentId()).isNotEqualTo(CALLER.parentId());
      assertThat(Traceparent.parse(tracing.sends().begin(sending(null)).traceparent())).isNotNull();
    }
    assertThat(SendTracing.CARRIED.begin(sending(CALLER.traceparent())).traceparent())
        .isEqualTo(CALLER.traceparent());
  }

  private static SendTracing.Sending sending(String traceparent) {
    return new SendTracing.Sending(traceparent, new UUID(1, 2), "hold", "sink-1", 1);
  }
}
