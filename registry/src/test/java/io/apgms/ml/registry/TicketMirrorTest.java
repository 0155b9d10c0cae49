package io.apgms.ml.registry;

import static io.apgms.ml.registry.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.registry.TicketMirror.Step;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TicketMirrorTest {
  private final TestDatabase db = new TestDatabase();
  private final TicketMirror mirror = db.registry.ticketMirror();

  @Test
  void next_everyStepOnce_inTheOrderOfTheLog() {
    TicketDatabase on = new TicketDatabase(db);
    on.approveAll(on.name, TicketDatabase.NEXT);
    get(on.promote(on.name, TicketDatabase.NEXT, "dora", 1));
    get(
        db.registry
            .tickets()
            .close(on.name, TicketState.Outcome.promoted, "0123abc", "dora", "done"));
    List<String> told = new ArrayList<>();
    for (var next = get(mirror.next()); next.isPresent(); next = get(mirror.next())) {
      Step step = next.get();
      assertThat(step.ticket().name()).isEqualTo(on.name);
      if (told.isEmpty()) {
        assertThat(step.issueKey()).isNull();
        get(mirror.created(step.ticket(), "ML-7"));
      } else {
        assertThat(step.issueKey()).isEqualTo("ML-7");
      }
      told.add(step.action());
      get(told.size() == 2 ? mirror.skipped(step.seq(), "no") : mirror.done(step.seq()));
    }
    assertThat(told)
        .containsExactly(
            "ticket.open",
            "ticket.evidence",
            "ticket.peer_review",
            "ticket.risk_signoff",
            "promote",
            "ticket.close");
    assertThat(get(db.registry.tickets().find(on.name)).issueKey()).isEqualTo("ML-7");
  }

  @Test
  void next_refusals_areNotTold() {
    TicketDatabase on = new TicketDatabase(db);
    assertThat(get(on.promote(on.name, TicketDatabase.NEXT, "dora", 1).otherwiseEmpty())).isNull();
    get(mirror.done(get(mirror.next()).orElseThrow().seq()));
    assertThat(get(mirror.next())).isEmpty();
  }

  @Test
  void lease_heldByOne_isRefusedToOthersUntilItEnds() {
    assertThat(get(mirror.lease("a", Duration.ofMinutes(1)))).isTrue();
    assertThat(get(mirror.lease("a", Duration.ofMinutes(1)))).isTrue();
    assertThat(get(mirror.lease("b", Duration.ofMinutes(1)))).isFalse();
    get(mirror.lease("a", Duration.ZERO));
    assertThat(get(mirror.lease("b", Duration.ofMinutes(1)))).isTrue();
  }
}
