package io.apgms.ml.flags;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Whatever a flag service answers but flags: nobody acts, nothing waits, nothing grows. */
class FlagGarbageTest {
  private static final Duration TIMEOUT = Duration.ofMillis(400);
  private static final long SLACK_MS = 1_500; // beside whatever else runs here
  private static final FlagContext ANYBODY = new FlagContext("risk-score", "t1", "e1");

  /** Asks a flag service once. */
  private interface Source {
    void ask(long nowNanos);
  }

  private interface Kind {
    Source of(FlagFetch service, DecisionModes modes);
  }

  /** The control: it goes on with what it has, as if that had been said just now. */
  private static final class TrustsWhatItKept implements Source {
    private final FlagFetch service;
    private final DecisionModes modes;
    private FlagSnapshot kept = nothing();

    TrustsWhatItKept(FlagFetch service, DecisionModes modes) {
      this.service = service;
      this.modes = modes;
    }

    @Override
    public void ask(long nowNanos) {
      try {
        String body = new String(service.fetch(null).body(), StandardCharsets.UTF_8);
        kept = FlagSnapshot.parse(body);
      } catch (IOException | InterruptedException | FlagSnapshot.Malformed e) {
        // what it has is good enough
      }
      modes.fetched(kept, ModeSource.UNLEASH, nowNanos);
    }
  }

  private static FlagSnapshot nothing() {
    try {
      return FlagSnapshot.parse("{\"features\":[]}");
    } catch (FlagSnapshot.Malformed e) {
      throw new AssertionError(e);
    }
  }

  /** One source before one stub, and a clock of its own. */
  private static final class Run implements AutoCloseable {
    private final StubFlagService stub = new StubFlagService(Garbage.flags(Garbage.ACT));
    private final DecisionModes modes = new DecisionModes(null);
    private final Source source;
    private long nowNanos = Long.MAX_VALUE - TimeUnit.SECONDS.toNanos(20); // it may overflow

    Run(Kind kind) throws IOException {
      source = kind.of(new UnleashApi(UnleashUrl.api(stub.url()), "t0ken", TIMEOUT), modes);
    }

    /** Asks after so many seconds; the mode then. */
    Mode after(long seconds, StubFlagService.Answer answer) {
      nowNanos += TimeUnit.SECONDS.toNanos(seconds);
      stub.answers(answer);
      source.ask(nowNanos);
      modes.force(new ForcedObserve(false, Set.of()), nowNanos);
      return modes.resolve(ANYBODY, nowNanos);
    }

    @Override
    public void close() throws IOException {
      stub.close();
    }
  }

  /** What is wrong with how a kind of source takes one kind of garbage. */
  private static List<String> faults(Kind kind, Garbage garbage) throws IOException {
    List<String> faults = new ArrayList<>();
    try (Run run = new Run(kind)) {
      if (run.after(0, garbage.answer()).mode() == DecisionMode.ACT) {
        faults.add("acts on it");
      }
      if (run.after(6, Garbage.flags(Garbage.ACT)).mode() != DecisionMode.ACT) {
        faults.add("does not act on flags after it");
      }
      long began = System.nanoTime();
      long sent = run.stub.sent();
      run.after(1, garbage.answer());
      long tookMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
      if (tookMs > TIMEOUT.toMillis() + SLACK_MS) {
        faults.add("waits " + tookMs + " ms");
      }
      if (run.stub.sent() - sent > 16 << 20) {
        faults.add("takes " + (run.stub.sent() - sent) + " bytes");
      }
      if (run.after(30, garbage.answer()).mode() == DecisionMode.ACT) {
        faults.add("acts on what was said 31 s ago");
      }
      if (run.after(1, Garbage.flags(Garbage.ACT)).mode() != DecisionMode.ACT) {
        faults.add("does not recover at once");
      }
    }
    return faults.stream().map(f -> garbage.name() + ": " + f).toList();
  }

  private static List<String> faults(Kind kind, List<Garbage> all) throws IOException {
    List<String> faults = new ArrayList<>();
    for (Garbage garbage : all) {
      faults.addAll(faults(kind, garbage));
    }
    return faults;
  }

  private static Source ours(FlagFetch service, DecisionModes modes) {
    UnleashFlags flags = new UnleashFlags(service, modes);
    return flags::ask;
  }

  @Test
  void ask_garbage_neverActsNorWaitsNorGrows() throws Exception {
    assertThat(Garbage.all()).hasSizeGreaterThan(60);
    assertThat(Garbage.all().stream().map(Garbage::name)).doesNotHaveDuplicates();
    assertThat(faults(FlagGarbageTest::ours, Garbage.all())).isEmpty();
  }

  /** The control. */
  @Test
  void ask_garbageBySomebodyWhoTrustsWhatHeKept_isCaught() throws Exception {
    List<Garbage> quick = Garbage.all().stream().filter(g -> !g.hangs()).toList();
    List<String> faults = faults(TrustsWhatItKept::new, quick);
    assertThat(faults).contains("status 500 Internal Server Error: acts on it");
    assertThat(faults.stream().filter(f -> f.endsWith("acts on what was said 31 s ago")))
        .hasSizeGreaterThan(40);
  }
}
