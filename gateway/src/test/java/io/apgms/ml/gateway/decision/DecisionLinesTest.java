package io.apgms.ml.gateway.decision;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.apgms.ml.flags.DecisionMode;
import io.apgms.ml.flags.Mode;
import io.apgms.ml.flags.ModeSource;
import io.apgms.ml.gateway.trace.Trace;
import io.apgms.ml.gateway.trace.Traceparent;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class DecisionLinesTest {
  private static final long START = Long.MAX_VALUE - 5; // nanoTime may pass its end
  private static final Trace TRACE =
      new Traceparent("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", false);
  private static final Decided DECIDED =
      new Decided(
          new UUID(1, 2),
          "risk-score",
          "20261123",
          0.9,
          0.5,
          true,
          true,
          new Mode(DecisionMode.ACT, ModeSource.FILE, 1));

  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private final DecisionLines lines = new DecisionLines(new DecisionMeters(meters), START);
  private final ListAppender<ILoggingEvent> written = new ListAppender<>();
  private final Logger logger = (Logger) LoggerFactory.getLogger(DecisionLines.class);

  @BeforeEach
  void listen() {
    written.start();
    logger.addAppender(written);
    logger.setLevel(Level.INFO);
    logger.setAdditive(false);
  }

  @AfterEach
  void leave() {
    logger.detachAppender(written);
    logger.setLevel(null);
    logger.setAdditive(true);
  }

  private static Map<String, String> keys(ILoggingEvent event) {
    return event.getKeyValuePairs().stream()
        .collect(Collectors.toMap(p -> p.key, p -> String.valueOf(p.value)));
  }

  @Test
  void decided_ofATrace_isOneLineWithBothIds() {
    lines.decided(TRACE, DECIDED, START);
    lines.decided(null, DECIDED, START);
    assertThat(written.list).hasSize(1);
    assertThat(written.list.get(0).getFormattedMessage())
        .isEqualTo("decided by risk-score 20261123, mode act by file");
    assertThat(keys(written.list.get(0)))
        .isEqualTo(Map.of("traceId", TRACE.traceId(), "predictionId", DECIDED.id().toString()));
  }

  @Test
  void refused_ofATrace_isOneLineWithWhatIsKnown() {
    lines.refused(TRACE, Refusal.OVERLOADED, null, START);
    lines.refused(TRACE, Refusal.UNKNOWN_OUTCOME, DECIDED.id(), START);
    lines.refused(null, Refusal.EXPIRED, null, START);
    assertThat(written.list)
        .extracting(DecisionLinesTest::keys)
        .extracting(Map::size)
        .containsExactly(1, 2);
  }

  @Test
  void decided_moreThanASecondHas_areCountedAndNotWritten() {
    long second = TimeUnit.SECONDS.toNanos(1);
    int most = DecisionLines.LINES_A_SECOND;
    for (int i = 0; i < 5 * most; i++) {
      lines.decided(TRACE, DECIDED, START + i);
    }
    assertThat(written.list).hasSize(most);
    assertThat(meters.get("apgms_ml_decision_lines_dropped").counter().count()).isEqualTo(4 * most);
    for (int i = 0; i < 2 * most; i++) {
      lines.decided(TRACE, DECIDED, START + second);
    }
    assertThat(written.list).hasSize(2 * most);
  }
}
