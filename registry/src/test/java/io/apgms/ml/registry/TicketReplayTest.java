package io.apgms.ml.registry;

import static io.apgms.ml.registry.TestDatabase.get;
import static io.apgms.ml.registry.TicketDatabase.NEXT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.Refusal.Rule;
import io.apgms.ml.registry.ReplaySummary.Group;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Replays on a ticket, in a real database. */
class TicketReplayTest {
  private static final TestDatabase DB = new TestDatabase();
  private static final Tickets TICKETS = DB.registry.tickets();

  private TicketDatabase on;

  @BeforeEach
  void freshModel() {
    on = new TicketDatabase(DB);
  }

  private ReplaySummary replay(String version) {
    return new ReplaySummary(
        on.model,
        version,
        on.digest(version),
        "2026-11-17T08:00:00Z",
        "2026-11-24T08:00:00Z",
        10,
        4,
        5,
        2,
        1,
        Map.of(TicketDatabase.ACTIVE, 10L),
        Map.of("mean", 0.01),
        List.of(
            new Group("sex", "female", 6, 3, 4, 2, 1), new Group("sex", "male", 4, 1, 1, 0, 0)));
  }

  @Test
  void attach_ofTheTicketsCandidate_isAuditedAndVoidsNoApproval() {
    on.approveAll(on.name, NEXT);
    TicketState state = get(TICKETS.attach(on.name, replay(NEXT), "eve"));
    assertThat(state.replays())
        .singleElement()
        .satisfies(
            r -> {
              assertThat(r.summary()).isEqualTo(replay(NEXT));
              assertThat(r.digest()).isEqualTo(replay(NEXT).documentDigest());
              assertThat(r.author()).isEqualTo("eve");
              assertThat(get(DB.registry.audit().find(r.auditId())).detail())
                  .contains(r.digest(), on.digest(NEXT), "\"allowToReview\":2", "\"n\":1");
            });
    assertThat(state.authors()).doesNotContain("eve");
    get(on.promote(on.name, NEXT, "dora", 1));
  }

  @Test
  void attach_ofAnotherArtifact_isRefusedByTheRulesAndByTheDatabase() {
    assertThatThrownBy(() -> get(TICKETS.attach(on.name, replay("20261125"), "ana")))
        .isInstanceOfSatisfying(
            RegistryException.Refused.class,
            e ->
                assertThat(e.refusals())
                    .extracting(Refusal::rule)
                    .containsExactly(Rule.OTHER_ARTIFACT));
    assertThat(on.audit("ticket.replay.refused")).hasSize(1);
    String other = new String(replay("20261125").toJson(), StandardCharsets.UTF_8);
    String good = new String(replay(NEXT).toJson(), StandardCharsets.UTF_8);
    String insert =
        "INSERT INTO registry.ticket_replay SELECT id, 1, '%s'::bytea, 'sha256:' ||"
            + " encode(sha256('%s'::bytea), 'hex'), 'x', now(), audit_id FROM registry.ticket"
            + " WHERE model = '%s'";
    assertThatThrownBy(() -> DB.sql(insert.formatted(other, other, on.model)))
        .hasMessageContaining("a replay of another artifact");
    assertThatThrownBy(() -> DB.sql(insert.formatted(good, "x", on.model)))
        .hasMessageContaining("ticket_replay_digest");
  }

  @Test
  void attach_toAClosedTicket_orMoreThanTwenty_isRefused() {
    for (int n = 1; n <= 20; n++) {
      get(TICKETS.attach(on.name, replay(NEXT), "ana"));
    }
    assertThatThrownBy(() -> get(TICKETS.attach(on.name, replay(NEXT), "ana")))
        .isInstanceOf(RegistryException.Conflict.class)
        .hasMessageContaining("21 replays, expected at most 20");
    get(TICKETS.close(on.name, TicketState.Outcome.rejected, null, "ana", "no"));
    TicketDatabase closed = new TicketDatabase(DB);
    get(TICKETS.close(closed.name, TicketState.Outcome.rejected, null, "ana", "no"));
    on = closed;
    assertThatThrownBy(() -> get(TICKETS.attach(closed.name, replay(NEXT), "ana")))
        .isInstanceOfSatisfying(
            RegistryException.Refused.class,
            e ->
                assertThat(e.refusals())
                    .extracting(Refusal::rule)
                    .containsExactly(Rule.TICKET_CLOSED));
  }

  @Test
  void parse_itsOwnBytes_isTheSame_andWhatDoesNotAddUpIsRefused() {
    String json = new String(replay(NEXT).toJson(), StandardCharsets.UTF_8);
    assertThat(ReplaySummary.parse(json.getBytes(StandardCharsets.UTF_8))).isEqualTo(replay(NEXT));
    for (String[] edit :
        new String[][] {
          {"\"reviewAfter\":5", "\"reviewAfter\":6"},
          {"\"decisions\":10", "\"decisions\":11"},
          {"\"decisions\":6", "\"decisions\":600"},
          {"\"allowToReview\":2", "\"allowToReview\":-2"},
          {"\"reviewToAllow\":1", "\"reviewToAllow\":5"},
          {"2026-11-17T08:00:00Z", "yesterday"},
          {"2026-11-17T08:00:00Z", "2026-11-25T08:00:00Z"},
          {"\"groups\":", "\"more\":1,\"groups\":"},
          {"\"byVersion\":{", "\"byVersion\":{\"x\":null,"},
          {"sha256:", "md5:"},
          {"0.01", "1e999"},
          {"\"mean\"", "\"No Name\""},
          {"\"female\"", "\"\\\\u0000\""},
          {"\"female\"", "\"\\\\ud800\""},
          {"\"20261123\"", "\"yesterday\""},
        }) {
      String changed = json.replaceFirst(java.util.regex.Pattern.quote(edit[0]), edit[1]);
      assertThat(changed).isNotEqualTo(json);
      assertThatThrownBy(() -> ReplaySummary.parse(changed.getBytes(StandardCharsets.UTF_8)))
          .as(edit[1])
          .isInstanceOf(RegistryException.Invalid.class)
          .message()
          .as("what a caller reads names no class")
          .doesNotContain("io.apgms", "java.", "Cannot construct");
    }
  }
}
