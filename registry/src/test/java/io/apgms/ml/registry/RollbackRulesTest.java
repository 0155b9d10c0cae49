package io.apgms.ml.registry;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.registry.Deployment.Kind;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class RollbackRulesTest {
  private static final long SEED = 20261123;

  private static Deployment revision(int n, String version, Kind kind, String from) {
    boolean leaves = kind == Kind.rollback || (kind == Kind.pin && !version.equals(from));
    return new Deployment(
        "m",
        n,
        version,
        "sha256:" + "0".repeat(64),
        kind,
        from,
        leaves ? from : null,
        "ann",
        Instant.EPOCH,
        "why",
        null,
        null,
        new UUID(1, n));
  }

  private static Optional<Deployment> lastGood(List<Deployment> oldestFirst) {
    List<Deployment> newestFirst = new ArrayList<>(oldestFirst);
    Collections.reverse(newestFirst);
    Deployment last = newestFirst.get(0);
    try {
      return Optional.of(
          RollbackRules.lastGood(
              newestFirst,
              new Pointer(
                  "m", last.revision(), last.version(), last.digest(), null, Instant.EPOCH)));
    } catch (RegistryException.Conflict e) {
      return Optional.empty();
    }
  }

  /** The rule as it is worded, read in the order things happened. */
  private static Optional<Deployment> asWorded(List<Deployment> oldestFirst) {
    Set<String> bad = new HashSet<>();
    for (Deployment d : oldestFirst) {
      if (d.rolledBackFrom() != null) {
        bad.add(d.rolledBackFrom());
      }
      bad.remove(d.version());
    }
    String active = oldestFirst.get(oldestFirst.size() - 1).version();
    return oldestFirst.stream()
        .filter(d -> !d.version().equals(active) && !bad.contains(d.version()))
        .reduce((a, b) -> b);
  }

  @Test
  void lastGood_thousandRandomHistories_matchTheWordedRule() {
    int found = 0;
    for (int i = 0; i < 1_000; i++) {
      SplittableRandom random = new SplittableRandom(SEED + i);
      List<Deployment> history = new ArrayList<>();
      int steps = 1 + random.nextInt(30);
      String active = null;
      for (int n = 1; n <= steps; n++) {
        Kind kind = List.of(Kind.values()).get(random.nextInt(4));
        String version = "2026110" + random.nextInt(6);
        if (active == null || (kind != Kind.pin && version.equals(active))) {
          kind = Kind.bootstrap;
        }
        history.add(revision(n, version, kind, active));
        active = version;
        Optional<Deployment> target = lastGood(history);
        assertThat(target).as("seed %d, step %d", SEED + i, n).isEqualTo(asWorded(history));
        found += target.isPresent() ? 1 : 0;
      }
    }
    assertThat(found).as("histories with a target").isGreaterThan(1_000);
  }

  @Test
  void lastGood_repeatedRollbacks_endAfterEachVersionOnce() {
    for (int i = 0; i < 200; i++) {
      SplittableRandom random = new SplittableRandom(SEED + i);
      List<Deployment> history = new ArrayList<>();
      Set<String> versions = new HashSet<>();
      int promotions = 1 + random.nextInt(12);
      for (int n = 1; n <= promotions; n++) {
        String version = "202611" + (10 + random.nextInt(15));
        versions.add(version);
        history.add(revision(n, version, Kind.promote, null));
      }
      Set<String> left = new HashSet<>();
      Optional<Deployment> next = lastGood(history);
      while (next.isPresent()) {
        String active = history.get(history.size() - 1).version();
        left.add(active);
        assertThat(left).as("seed %d", SEED + i).doesNotContain(next.get().version());
        history.add(revision(history.size() + 1, next.get().version(), Kind.rollback, active));
        next = lastGood(history);
      }
      assertThat(left).as("seed %d", SEED + i).hasSize(versions.size() - 1);
    }
  }
}
