package io.apgms.ml.registry;

import static io.apgms.ml.registry.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.Future;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ForcedModesTest {
  private final TestDatabase database = new TestDatabase();
  private final ForcedModes modes = database.registry.forcedModes();

  private List<ForcedMode> inForce() {
    return get(database.registry.controlState()).forced();
  }

  @Test
  void force_oneModel_isReadAsWrittenAndAudited() {
    ForcedMode forced = get(modes.force("ann", "false positives", "m1", Duration.ofMinutes(5)));
    assertThat(inForce()).containsExactly(forced);
    assertThat(forced.expiresAt()).isEqualTo(forced.setAt().plusSeconds(300));
    AuditEntry entry = get(database.registry.audit().find(forced.auditId()));
    assertThat(entry.action()).isEqualTo("mode.force");
    assertThat(entry.subject()).isEqualTo("m1");
    assertThat(entry.detail())
        .isEqualTo("{\"mode\":\"observe\",\"reason\":\"false positives\",\"ttlMs\":300000}");
    assertThat(entry.at()).isEqualTo(forced.setAt());
  }

  @Test
  void force_allModels_coversEachAndItsOwnComesFirst() {
    get(modes.force("ann", "all", null, null));
    get(modes.force("ann", "one", "m1", null));
    ControlState state = get(database.registry.controlState());
    assertThat(state.forced("m1").map(ForcedMode::reason)).contains("one");
    assertThat(state.forced("m2").map(ForcedMode::scope)).contains(ForcedMode.ALL);
    get(modes.lift("ann", null, "over"));
    assertThat(get(database.registry.controlState()).forced("m2")).isEqualTo(Optional.empty());
    assertThat(get(database.registry.controlState()).forced("m1")).isPresent();
  }

  @Test
  void controlState_afterAChange_isAsLongAsItsEntry() {
    ForcedMode forced = get(modes.force("ann", "all", null, null));
    assertThat(get(database.registry.controlState()).auditSeq()).isEqualTo(forced.auditSeq());
    AuditEntry lifted = get(modes.lift("ann", null, "over"));
    assertThat(lifted.seq()).isGreaterThan(forced.auditSeq());
    assertThat(get(database.registry.controlState()).auditSeq()).isEqualTo(lifted.seq());
  }

  @Test
  void force_again_replacesTheFirst() {
    get(modes.force("ann", "first", "m1", Duration.ofHours(1)));
    get(modes.force("bob", "second", "m1", null));
    assertThat(inForce()).singleElement().extracting(ForcedMode::reason).isEqualTo("second");
    assertThat(inForce().get(0).expiresAt()).isNull();
  }

  @Test
  void controlState_expiredByTheDatabaseClock_isLeftOut() {
    get(modes.force("ann", "short", "m1", Duration.ofHours(1)));
    database.tamper("UPDATE registry.forced_mode SET expires_at = clock_timestamp()");
    assertThat(inForce()).isEmpty();
    assertThatThrownBy(() -> get(modes.lift("ann", "m1", "over")))
        .isInstanceOf(RegistryException.NotFound.class);
  }

  @Test
  void lift_nothingForced_isNotFoundAndLeavesNoAudit() {
    assertThatThrownBy(() -> get(modes.lift("ann", null, "over")))
        .isInstanceOf(RegistryException.NotFound.class)
        .hasMessageContaining("*");
    assertThat(get(database.registry.audit().head()).seq()).isZero();
  }

  @Test
  void force_manyAtOnce_allSerialise() {
    List<Future<ForcedMode>> calls =
        IntStream.range(0, 12).mapToObj(i -> modes.force("ann", "r" + i, "m1", null)).toList();
    calls.forEach(TestDatabase::get);
    assertThat(inForce()).hasSize(1);
    assertThat(get(database.registry.audit().verify()).intactRows()).isEqualTo(12);
  }

  @Test
  void forcedAt_pastTimes_nameWhatWasForced() {
    ForcedMode all = get(modes.force("ann", "all", null, null));
    ForcedMode own = get(modes.force("ann", "own", "m1", Duration.ofHours(1)));
    ForcedMode longer = get(modes.force("bob", "longer", "m1", Duration.ofHours(2)));
    AuditEntry lifted = get(modes.lift("ann", null, "over"));
    assertThat(get(modes.forcedAt("m1", all.setAt().minusNanos(1_000)))).isEmpty();
    assertThat(get(modes.forcedAt("m1", all.setAt()))).contains(all);
    assertThat(get(modes.forcedAt("m1", own.setAt()))).contains(own);
    assertThat(get(modes.forcedAt("m1", lifted.at()))).contains(longer);
    assertThat(get(modes.forcedAt("m1", longer.expiresAt()))).isEmpty();
    assertThat(get(modes.forcedAt("m1", longer.expiresAt().minusNanos(1_000)))).contains(longer);
    assertThat(get(modes.forcedAt("m2", own.setAt()))).contains(all);
    assertThat(get(modes.forcedAt("m2", lifted.at()))).isEmpty();
  }

  @Test
  void force_wrongArguments_areInvalid() {
    for (Future<?> call :
        List.of(
            modes.force("ann", " ", null, null),
            modes.force("", "x", null, null),
            modes.force("ann", "x", "M 1", null),
            modes.force("ann", "x", null, Duration.ZERO),
            modes.force("ann", "x", null, Duration.ofSeconds(-1)),
            modes.force("ann", "x", null, Duration.ofDays(367)),
            modes.lift("ann", null, ""))) {
      assertThatThrownBy(() -> get(call)).isInstanceOf(RegistryException.Invalid.class);
    }
    assertThat(inForce()).isEmpty();
  }
}
