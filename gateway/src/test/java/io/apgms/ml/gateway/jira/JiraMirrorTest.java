package io.apgms.ml.gateway.jira;

import static io.apgms.ml.gateway.MigratedDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.gateway.MigratedDatabase;
import io.apgms.ml.gateway.mirror.FaultyServer;
import io.apgms.ml.gateway.mirror.LogMirror;
import io.apgms.ml.registry.Manifest;
import io.apgms.ml.registry.RegistryDatabase;
import io.apgms.ml.registry.Ticket;
import io.apgms.ml.registry.TicketMirror.Step;
import io.apgms.ml.registry.TicketState;
import io.apgms.ml.registry.Tickets;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The mirror, turn by turn, against PostgreSQL and the stub. */
class JiraMirrorTest {
  private static MigratedDatabase database;
  private static RegistryDatabase registry;
  private static Manifest manifest;

  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private JiraStub stub;
  private LogMirror<Step> mirror;

  @BeforeAll
  static void startDatabase() throws Exception {
    database = MigratedDatabase.start();
    registry = database.registry("jira");
    manifest =
        Manifest.parse(
            Files.readAllBytes(Path.of("../artifacts/models/risk-score/20261123/manifest.json")));
  }

  @AfterAll
  static void end() throws Exception {
    database.close();
  }

  @BeforeEach
  void start() throws Exception {
    stub = JiraStub.start();
    mirror =
        JiraMirror.mirror(
            JiraClientTest.settings(stub, JiraStub.TOKEN), registry.ticketMirror(), "me", meters);
    untilIdle();
  }

  @AfterEach
  void stop() throws Exception {
    mirror.close();
    stub.close();
  }

  private static String open() {
    Tickets.Opening opening =
        new Tickets.Opening(
            manifest, "sha256:" + "1".repeat(64), Ticket.Trigger.drift, "ana", "drift for 3 hours");
    return get(registry.tickets().open(opening)).ticket().name();
  }

  private static void reject(String name) {
    get(
        registry
            .tickets()
            .close(name, TicketState.Outcome.rejected, null, "dora", "calibration is off"));
  }

  /** Turns until there is nothing more to tell; the waits that were asked for on the way. */
  private List<Duration> untilIdle() {
    List<Duration> waits = new ArrayList<>();
    for (int turn = 0; turn < 50; turn++) {
      Duration wait = mirror.turn();
      if (get(registry.ticketMirror().next()).isEmpty()) {
        return waits;
      }
      waits.add(wait);
    }
    throw new AssertionError("not idle after 50 turns: " + waits);
  }

  private double count(String result) {
    return meters.get("apgms_ml_ticket_mirror").tag("result", result).counter().count();
  }

  private JiraStub.Issue only() {
    assertThat(stub.issues()).hasSize(1);
    return stub.issues().values().iterator().next();
  }

  @Test
  void steps_ofATicket_becomeAnIssueWithACommentEach() {
    String name = open();
    reject(name);
    untilIdle();
    JiraStub.Issue issue = only();
    assertThat(issue.fields.path("summary").asText())
        .isEqualTo(name + ": promote risk-score 20261123");
    assertThat(issue.fields.path("description").toString())
        .contains(manifest.provenance().datasetSha256(), "Trigger: drift", "drift for 3 hours");
    assertThat(issue.comments)
        .singleElement()
        .asString()
        .contains("ticket.close by dora", "calibration is off", "Audit ");
    assertThat(issue.status).isEqualTo("Done");
    assertThat(get(registry.tickets().find(name)).issueKey()).isEqualTo("MLAPPROVAL-1");
    assertThat(count("told")).isEqualTo(2);
  }

  @Test
  void jiraAway_isTriedAgainLaterAndLater_andNothingElseWaits() {
    stub.fail(new FaultyServer.Fault(503, null, "{}"), 2);
    stub.fail(new FaultyServer.Fault(429, "7", "{}"), 1);
    String name = open();
    reject(name); // recorded while Jira is away
    assertThat(untilIdle())
        .containsExactly(
            Duration.ofSeconds(1), Duration.ofSeconds(2), Duration.ofSeconds(7), Duration.ZERO);
    assertThat(only().comments).hasSize(1);
    assertThat(count("retried")).isEqualTo(3);
  }

  @Test
  void jiraAwayForTenAttempts_isWrittenDownAndPassedOver() {
    stub.fail(new FaultyServer.Fault(500, null, "{}"), 10);
    open();
    assertThat(untilIdle()).hasSize(9).last().isEqualTo(Duration.ofSeconds(60));
    assertThat(stub.issues()).isEmpty();
    assertThat(stub.requests()).isEqualTo(10);
    assertThat(count("skipped")).isEqualTo(1);
  }

  @Test
  void jiraRefuses_isNotTriedAgain_andTheNextStepMakesTheIssue() {
    stub.fail(new FaultyServer.Fault(400, null, "{\"errors\":{\"summary\":\"no\"}}"), 1);
    String name = open();
    reject(name);
    untilIdle();
    assertThat(only().comments).hasSize(1);
    assertThat(count("skipped")).isEqualTo(1);
    assertThat(count("retried")).isZero();
  }

  @Test
  void turn_anotherReplicaHoldsTheLease_tellsNothing() {
    get(registry.ticketMirror().lease("me", Duration.ZERO));
    assertThat(get(registry.ticketMirror().lease("other", Duration.ofMinutes(1)))).isTrue();
    open();
    mirror.turn();
    assertThat(stub.requests()).isZero();
    get(registry.ticketMirror().lease("other", Duration.ZERO));
    untilIdle();
    assertThat(stub.issues()).hasSize(1);
  }
}
