package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.flags.DecisionMode;
import io.apgms.ml.flags.DecisionModes;
import io.apgms.ml.flags.Flag;
import io.apgms.ml.flags.FlagContext;
import io.apgms.ml.flags.FlagSource;
import io.apgms.ml.flags.ForcedObserve;
import io.apgms.ml.flags.ModeSource;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Another provider, made outside the room of flags with what is public there. */
class FlagSourcesTest {
  /** A flag with rules of its own: these tenants act. */
  private record ByTenant(Set<String> acting) implements Flag {
    @Override
    public Word said(FlagContext context) {
      return context.tenant() != null && acting.contains(context.tenant()) ? Word.ACT : Word.OFF;
    }

    @Override
    public boolean canAct() {
      return !acting.isEmpty();
    }
  }

  /** A provider that pushes instead of being polled. */
  private static final class Pushed implements FlagSource {
    private final DecisionModes modes;
    private boolean closed;

    Pushed(DecisionModes modes) {
      this.modes = modes;
    }

    void push(Flag flag, long nowNanos) {
      if (!closed) {
        modes.fetched(flag, ModeSource.FILE, nowNanos);
      }
    }

    @Override
    public void close() {
      closed = true;
    }
  }

  private final DecisionModes modes = new DecisionModes(null);
  private long now;

  private DecisionMode of(String tenant) {
    modes.force(new ForcedObserve(false, Set.of()), now);
    return modes.decide(new FlagContext("risk-score", tenant, "e1"), now).mode();
  }

  @Test
  void fetched_byAnotherProvider_keepsEveryRuleOfTheMode() {
    Pushed provider = new Pushed(modes);
    assertThat(of("t1")).isEqualTo(DecisionMode.OBSERVE);
    provider.push(new ByTenant(Set.of("t1")), now);
    assertThat(of("t1")).isEqualTo(DecisionMode.ACT);
    assertThat(of("t2")).isEqualTo(DecisionMode.OBSERVE);

    provider.push(new ByTenant(Set.of("t1", "t2")), now); // within the hold-down
    assertThat(of("t1")).isEqualTo(DecisionMode.ACT);
    assertThat(of("t2")).isEqualTo(DecisionMode.OBSERVE);
    now += TimeUnit.SECONDS.toNanos(5);
    provider.push(new ByTenant(Set.of("t1", "t2")), now);
    assertThat(of("t2")).isEqualTo(DecisionMode.ACT);

    provider.close();
    provider.push(new ByTenant(Set.of("t3")), now);
    now += TimeUnit.SECONDS.toNanos(31);
    assertThat(of("t1")).as("older than 30 s").isEqualTo(DecisionMode.OBSERVE);
  }
}
