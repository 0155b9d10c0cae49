package io.apgms.ml.registry;

import static io.apgms.ml.registry.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ChangeNotesTest {
  private final TestDatabase db = new TestDatabase();
  private final ChangeNotes notes = db.registry.changeNotes();

  private List<String> told() {
    List<String> told = new ArrayList<>();
    for (var next = get(notes.next()); next.isPresent(); next = get(notes.next())) {
      told.add(next.get().action() + " " + next.get().subject());
      get(notes.done(next.get().seq()));
    }
    return told;
  }

  @Test
  void next_changesAlone_inTheOrderOfTheLog() {
    TicketDatabase on = new TicketDatabase(db);
    on.approveAll(on.name, TicketDatabase.NEXT);
    get(on.promote(on.name, TicketDatabase.NEXT, "dora", 1));
    get(
        db.registry
            .deployments()
            .rollback(new RollbackCommand(on.model, "ann", "bad", null, "INC-1", null, null)));
    get(db.registry.forcedModes().force("ann", "bad", null, null));
    get(db.registry.forcedModes().lift("ann", null, "over"));
    // What was refused is no change.
    assertThat(get(on.promote(on.name, TicketDatabase.NEXT, "dora", 3).otherwiseEmpty())).isNull();
    assertThat(told())
        .containsExactly(
            "promote " + on.model, "rollback " + on.model, "mode.force *", "mode.lift *");
    assertThat(told()).isEmpty();
  }

  @Test
  void next_whatIsOlderThanADay_isNotTold() {
    get(db.registry.forcedModes().force("ann", "bad", null, null));
    db.tamper("UPDATE registry.audit_log SET at = at - interval '25 hours'");
    get(db.registry.forcedModes().lift("ann", null, "over"));
    assertThat(told()).containsExactly("mode.lift *");
  }
}
