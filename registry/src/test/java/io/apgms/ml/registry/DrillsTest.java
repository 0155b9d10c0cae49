package io.apgms.ml.registry;

import static io.apgms.ml.registry.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.DrillResult.Outcome;
import io.apgms.ml.registry.DrillResult.Times;
import io.apgms.ml.registry.Drills.Tally;
import org.junit.jupiter.api.Test;

class DrillsTest {
  private final TestDatabase database = new TestDatabase();
  private final Drills drills = database.registry.drills();

  private static DrillResult passed(double warm, double disk) {
    return new DrillResult("m", "20261123", "20261116", Outcome.PASSED, new Times(warm, disk), "");
  }

  private static DrillResult failed(Outcome why) {
    return new DrillResult("m", "20261123", null, why, null, "because of it");
  }

  @Test
  void record_eachKind_isCountedAndHasItsAuditRow() {
    get(drills.record(passed(0.01, 0.4), "drill"));
    get(drills.record(failed(Outcome.REVOKED), "drill"));
    get(drills.record(failed(Outcome.REVOKED), "drill"));
    AuditEntry newest = get(drills.record(passed(0.02, 0.3), "drill"));
    assertThat(get(drills.all()))
        .containsExactly(
            new Tally("m", Outcome.PASSED, 2, newest.at(), new Times(0.02, 0.3)),
            new Tally("m", Outcome.REVOKED, 2, get(database.registry.audit().find(3)).at(), null));
    assertThat(get(database.registry.audit().list(0, 10)))
        .extracting(AuditEntry::action)
        .hasSize(4)
        .containsOnly("rollback-drill");
    assertThat(newest.detail())
        .contains(
            "\"outcome\":\"passed\"", "\"warmMs\":20", "\"diskMs\":300", "\"to\":\"20261116\"");
    assertThat(get(database.registry.audit().find(2)).detail()).contains("because of it");
    assertThat(get(database.registry.audit().verify()).intact()).isTrue();
  }

  @Test
  void record_withoutAnAuditRow_isRefused() {
    AuditEntry entry = get(drills.record(failed(Outcome.GOLDEN), "drill"));
    assertThatThrownBy(
            () ->
                database.sql(
                    "INSERT INTO registry.rollback_drill VALUES ('m', 'passed', 1, now(), 1, 1, '"
                        + entry.id()
                        + "')"))
        .hasMessageContaining("no audit row");
  }

  @Test
  void record_byTheRestrictedRole_isDone() {
    String role = "ml_drill_" + database.name;
    database.sql(TestDatabase.restrictedRole().replace("ml_service", role));
    Drills restricted = database.as(role).drills();
    get(restricted.record(passed(0.01, 0.4), "drill"));
    get(restricted.record(passed(0.01, 0.4), "drill"));
    assertThat(get(restricted.all())).extracting(Tally::runs).containsExactly(2L);
  }

  @Test
  void all_outcomeOfALaterRelease_isLeftOut() {
    get(drills.record(failed(Outcome.GOLDEN), "drill"));
    database.tamper("UPDATE registry.rollback_drill SET outcome = 'something_new'");
    assertThat(get(drills.all())).isEmpty();
  }

  @Test
  void drillResult_timesWithoutPassing_isRefused() {
    assertThatThrownBy(() -> new DrillResult("m", "1", "2", Outcome.GOLDEN, new Times(1, 1), "why"))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
