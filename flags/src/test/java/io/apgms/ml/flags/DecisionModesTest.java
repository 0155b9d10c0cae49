package io.apgms.ml.flags;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class DecisionModesTest {
  private static final FlagContext RISK = new FlagContext("risk-score", "t1", "e1");
  private static final FlagContext OTHER = new FlagContext("credit-default", "t1", "e1");
  private static final ForcedObserve NOBODY = new ForcedObserve(false, Set.of());
  private static final FlagSnapshot ACT = flag("act");
  private static final FlagSnapshot OBSERVE = flag("observe");

  private final DecisionModes modes = new DecisionModes(null);
  private long now = Long.MAX_VALUE - TimeUnit.SECONDS.toNanos(3); // nanoTime may overflow

  private static FlagSnapshot flag(String variant) {
    return Flags.parse(Flags.withVariant(variant));
  }

  private void pass(long ms) {
    now += TimeUnit.MILLISECONDS.toNanos(ms);
  }

  private void fetched(FlagSnapshot flag) {
    modes.fetched(flag, ModeSource.FILE, now);
  }

  private void leased() {
    modes.force(NOBODY, now);
  }

  private Mode mode() {
    return modes.resolve(RISK, now);
  }

  private void expect(DecisionMode mode, ModeSource source) {
    assertThat(mode().mode()).isEqualTo(mode);
    assertThat(mode().source()).isEqualTo(source);
  }

  @Test
  void resolve_beforeAnyFetch_observesByDefault() {
    leased();
    assertThat(mode()).isEqualTo(new Mode(DecisionMode.OBSERVE, ModeSource.DEFAULT, -1));
  }

  @Test
  void resolve_flagSaysAct_actsWithItsAge() {
    leased();
    fetched(ACT);
    pass(212);
    assertThat(mode()).isEqualTo(new Mode(DecisionMode.ACT, ModeSource.FILE, 212));
  }

  @Test
  void resolve_withoutAReadingOfTheForcedModes_doesNotAct() {
    fetched(ACT);
    expect(DecisionMode.OBSERVE, ModeSource.UNLOGGED);
    leased();
    expect(DecisionMode.ACT, ModeSource.FILE);
    pass(2_000);
    expect(DecisionMode.ACT, ModeSource.FILE);
    pass(1);
    expect(DecisionMode.OBSERVE, ModeSource.UNLOGGED);
  }

  @Test
  void resolve_forcedObserve_beatsTheFlagAndThePin() {
    DecisionModes pinned = new DecisionModes(DecisionMode.ACT);
    pinned.force(new ForcedObserve(false, Set.of("risk-score")), now);
    assertThat(pinned.resolve(RISK, now).source()).isEqualTo(ModeSource.OVERRIDE);
    assertThat(pinned.resolve(OTHER, now))
        .isEqualTo(new Mode(DecisionMode.ACT, ModeSource.ENV, -1));
    pinned.force(new ForcedObserve(true, Set.of()), now);
    assertThat(pinned.resolve(OTHER, now).source()).isEqualTo(ModeSource.OVERRIDE);
  }

  @Test
  void resolve_forcedObserveReadLongAgo_staysForced() {
    modes.force(new ForcedObserve(true, Set.of()), now);
    pass(3_600_000);
    expect(DecisionMode.OBSERVE, ModeSource.OVERRIDE);
  }

  @Test
  void resolve_pinObserve_beatsAFlagThatActs() {
    DecisionModes pinned = new DecisionModes(DecisionMode.OBSERVE);
    pinned.force(NOBODY, now);
    pinned.fetched(ACT, ModeSource.FILE, now);
    assertThat(pinned.resolve(RISK, now))
        .isEqualTo(new Mode(DecisionMode.OBSERVE, ModeSource.ENV, 0));
  }

  @Test
  void resolve_pinActWithoutALease_observes() {
    DecisionModes pinned = new DecisionModes(DecisionMode.ACT);
    assertThat(pinned.resolve(RISK, now).source()).isEqualTo(ModeSource.UNLOGGED);
  }

  @Test
  void resolve_flagOlderThanThirtySeconds_isStale() {
    fetched(ACT);
    pass(30_000);
    leased();
    expect(DecisionMode.ACT, ModeSource.FILE);
    pass(1);
    expect(DecisionMode.OBSERVE, ModeSource.STALE);
  }

  @Test
  void resolve_oldFlagThatObserves_isNotCalledStale() {
    fetched(OBSERVE);
    pass(31_000);
    expect(DecisionMode.OBSERVE, ModeSource.FILE);
  }

  @Test
  void fetched_towardObserve_isInForceAtOnce() {
    leased();
    fetched(ACT);
    pass(1);
    fetched(OBSERVE);
    expect(DecisionMode.OBSERVE, ModeSource.FILE);
  }

  @Test
  void fetched_towardActAgainWithinFiveSeconds_waits() {
    leased();
    fetched(ACT);
    pass(500);
    fetched(OBSERVE);
    pass(500);
    fetched(ACT);
    leased();
    expect(DecisionMode.OBSERVE, ModeSource.FILE);
    pass(3_999);
    fetched(ACT);
    leased();
    expect(DecisionMode.OBSERVE, ModeSource.FILE);
    pass(1);
    fetched(ACT);
    expect(DecisionMode.ACT, ModeSource.FILE);
  }

  @Test
  void fetched_flapping_actsAtMostOncePerFiveSeconds() {
    int turns = 0;
    DecisionMode before = DecisionMode.OBSERVE;
    for (int i = 0; i < 600; i++) { // a minute
      fetched(i % 2 == 0 ? ACT : OBSERVE);
      leased();
      DecisionMode is = mode().mode();
      turns += is == DecisionMode.ACT && before == DecisionMode.OBSERVE ? 1 : 0;
      before = is;
      pass(100);
    }
    assertThat(turns).isBetween(2, 13);
  }

  @Test
  void fetched_widerRolloutDuringTheHoldDown_actsOnlyWhereBothDo() {
    FlagSnapshot half = Flags.parse(Flags.withRollout("act", 50));
    leased();
    fetched(half);
    pass(1_000);
    fetched(ACT);
    leased();
    for (int i = 0; i < 100; i++) {
      FlagContext context = new FlagContext("risk-score", null, "entity-" + i);
      DecisionMode expected = half.acts(context) ? DecisionMode.ACT : DecisionMode.OBSERVE;
      assertThat(modes.resolve(context, now).mode()).isEqualTo(expected);
    }
    pass(4_000);
    fetched(ACT);
    leased();
    assertThat(modes.resolve(FlagContext.whoever("risk-score"), now).mode())
        .isEqualTo(DecisionMode.ACT);
  }
}
