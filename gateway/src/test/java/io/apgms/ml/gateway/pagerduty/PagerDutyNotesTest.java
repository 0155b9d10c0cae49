package io.apgms.ml.gateway.pagerduty;

import static io.apgms.ml.gateway.MigratedDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.JsonNode;
import io.apgms.ml.gateway.MigratedDatabase;
import io.apgms.ml.gateway.mirror.LogMirror;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.ChangeNotes.Note;
import io.apgms.ml.registry.RegistryDatabase;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** The notes, turn by turn, against PostgreSQL and the stub. */
class PagerDutyNotesTest {
  private static MigratedDatabase database;
  private static RegistryDatabase registry;

  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private PagerDutyStub stub;
  private LogMirror<Note> notes;

  @BeforeAll
  static void startDatabase() throws Exception {
    database = MigratedDatabase.start();
    registry = database.registry("notes");
  }

  @AfterAll
  static void end() throws Exception {
    database.close();
  }

  @BeforeEach
  void start() throws Exception {
    stub = PagerDutyStub.start();
    notes = notes(PagerDutyStub.KEY);
  }

  @AfterEach
  void stop() throws Exception {
    notes.close();
    stub.close();
  }

  private LogMirror<Note> notes(String key) {
    Settings.PagerDuty settings = new Settings.PagerDuty(stub.url(), key);
    return PagerDutyNotes.mirror(settings, registry.changeNotes(), "me", meters);
  }

  private static void force(String reason) {
    get(registry.forcedModes().force("olga", reason, "risk-score", Duration.ofHours(1)));
  }

  /** Turns until there is nothing more to tell; the waits that were asked for on the way. */
  private List<Duration> untilIdle(LogMirror<Note> notes) {
    List<Duration> waits = new ArrayList<>();
    for (int turn = 0; turn < 50; turn++) {
      Duration wait = notes.turn();
      if (get(registry.changeNotes().next()).isEmpty()) {
        return waits;
      }
      waits.add(wait);
    }
    throw new AssertionError("not idle after 50 turns: " + waits);
  }

  private double count(String result) {
    return meters.get("apgms_ml_incident_notes").tag("result", result).counter().count();
  }

  @Test
  void force_andLift_areChangeEventsInOrder() {
    force("false positives");
    get(registry.forcedModes().lift("olga", "risk-score", "fixed"));
    untilIdle(notes);
    assertThat(stub.refused()).isEmpty();
    assertThat(stub.changes()).hasSize(2);
    JsonNode payload = stub.changes().get(0).path("payload");
    assertThat(payload.path("summary").asText())
        .isEqualTo("risk-score: observe is forced, by olga: false positives");
    assertThat(payload.at("/custom_details/ttlMs").asLong()).isEqualTo(3_600_000);
    assertThat(payload.at("/custom_details/auditId").asText()).hasSize(36);
    assertThat(stub.changes().get(1).at("/payload/summary").asText())
        .isEqualTo("risk-score: observe is forced no more, by olga: fixed");
    assertThat(count("told")).isEqualTo(2);
  }

  @Test
  void pagerDutyAway_isTriedAgainLaterAndLater_andTheActWasNeverHeldUp() {
    stub.fail(PagerDutyStub.throttled(500, null), 2);
    stub.fail(PagerDutyStub.throttled(429, "7"), 1);
    force("while it is away"); // returns before anybody was told
    assertThat(stub.requests()).isZero();
    force("and again");
    assertThat(untilIdle(notes))
        .containsExactly(
            Duration.ofSeconds(1), Duration.ofSeconds(2), Duration.ofSeconds(7), Duration.ZERO);
    assertThat(stub.changes()).hasSize(2);
    assertThat(count("retried")).isEqualTo(3);
  }

  @Test
  void pagerDutyAwayForTenAttempts_isPassedOver() {
    stub.fail(PagerDutyStub.throttled(503, null), 10);
    force("nobody hears");
    assertThat(untilIdle(notes)).hasSize(9).last().isEqualTo(Duration.ofSeconds(60));
    assertThat(stub.changes()).isEmpty();
    assertThat(stub.requests()).isEqualTo(10);
    assertThat(count("skipped")).isEqualTo(1);
  }

  /** The stub repeats what it got, key and all: no log line does. */
  @Test
  void key_thatIsRefused_isInNoLog() {
    Logger logger = (Logger) LoggerFactory.getLogger(LogMirror.class);
    ListAppender<ILoggingEvent> log = new ListAppender<>();
    log.start();
    logger.addAppender(log);
    String planted = "plantedsecret0plantedsecret0plan";
    try (LogMirror<Note> other = notes(planted)) {
      force("with a key of nobody");
      untilIdle(other);
    } finally {
      logger.detachAppender(log);
    }
    assertThat(stub.refused()).contains("'routing_key' is of no service");
    assertThat(count("skipped")).isEqualTo(1);
    assertThat(log.list)
        .extracting(ILoggingEvent::getFormattedMessage)
        .singleElement()
        .asString()
        .contains("mode.force of risk-score", "answered 400", "(secret)")
        .doesNotContain(planted);
  }

  @Test
  void event_ofEachAction_saysWhatWasDone() {
    assertThat(summary("rollback", "m", "{\"from\":\"2\",\"to\":\"1\",\"reason\":\"bad\"}"))
        .isEqualTo("m: rolled back from 2 to 1, by olga: bad");
    assertThat(summary("promote", "m", "{\"to\":\"3\",\"reason\":\"weekly\"}"))
        .isEqualTo("m: promoted 3, before it none, by olga: weekly");
    assertThat(summary("pin", "m", "{\"to\":\"3\",\"reason\":\"audit\"}"))
        .isEqualTo("m: pinned to 3, by olga: audit");
    assertThat(summary("unpin", "m", "{\"version\":\"3\",\"reason\":\"over\"}"))
        .isEqualTo("m: unpinned, 3 goes on, by olga: over");
    assertThat(summary("mode.lift", "*", "{\"reason\":\"over\"}"))
        .isEqualTo("every model: observe is forced no more, by olga: over");
    assertThat(summary("pin", "m", "{\"to\":\"3\",\"reason\":\"" + "x".repeat(2_000) + "\"}"))
        .hasSize(1_024);
  }

  private static String summary(String action, String subject, String detail) {
    Note note = new Note(7, new UUID(0, 1), Instant.EPOCH, "olga", action, subject, detail);
    JsonNode event = ChangeEvent.of(note, PagerDutyStub.KEY);
    assertThat(event.at("/payload/custom_details/model").asText()).isEqualTo(subject);
    return event.at("/payload/summary").asText();
  }
}
