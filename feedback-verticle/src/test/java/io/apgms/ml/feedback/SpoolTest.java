package io.apgms.ml.feedback;

import static io.apgms.ml.feedback.CopyTupleTest.assertSame;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.RocksDB;
import org.rocksdb.WriteOptions;

class SpoolTest {
  private static final UUID START = new UUID(0, 0);

  @TempDir Path dir;
  private final Decisions decisions = new Decisions(7);

  @Test
  void read_afterAppend_givesAllInOrderOfId() {
    List<Decision> kept = decisions.list(500);
    try (Spool spool = Spool.open(dir, 1 << 20)) {
      spool.append(kept.subList(250, 500));
      spool.append(kept.subList(0, 250));
      List<UUID> read = spool.read(START, 1_000).stream().map(Spool.Row::id).toList();
      List<UUID> expected =
          kept.stream().map(Decision::id).sorted(Comparator.comparing(UUID::toString)).toList();
      assertThat(read).isEqualTo(expected);
      assertThat(spool.read(expected.get(400), 50)).hasSize(50);
    }
  }

  @Test
  void find_whatWaits_isTheDecision() {
    Decision decision = decisions.next();
    try (Spool spool = Spool.open(dir, 1 << 20)) {
      spool.append(List.of(decision));
      assertSame(spool.find(decision.id())).isEqualTo(decision);
      assertThat(spool.find(decisions.next().id())).isNull();
      spool.remove(spool.read(START, 1));
      assertThat(spool.find(decision.id())).isNull();
      assertThat(spool.bytes()).isZero();
    }
  }

  @Test
  void append_overTheBound_keepsNothingOfTheBatch() {
    try (Spool spool = Spool.open(dir, 2_000)) {
      spool.append(decisions.list(2));
      long before = spool.bytes();
      assertThatThrownBy(() -> spool.append(decisions.list(50)))
          .isInstanceOf(FeedbackException.SpoolFull.class)
          .hasMessageContaining("expected fewer than 2000");
      assertThat(spool.bytes()).isEqualTo(before);
      assertThat(spool.read(START, 100)).hasSize(2);
      spool.remove(spool.read(START, 100));
      spool.append(decisions.list(2));
    }
  }

  /** Nothing is written to files meanwhile, as on a disk that others keep busy. */
  @Test
  void append_whileTheDiskIsBusy_keepsSecondsOfFullLoad() throws Exception {
    try (Spool spool = Spool.open(dir, 1 << 30)) {
      spool.db.pauseBackgroundWork();
      while (spool.bytes() < 40 << 20) {
        spool.append(decisions.list(1_000));
      }
      assertThatThrownBy(
              () -> {
                while (spool.bytes() < 512 << 20) {
                  spool.append(decisions.list(1_000));
                }
              })
          .isInstanceOf(FeedbackException.SpoolFull.class); // in time, and no wait
      spool.db.continueBackgroundWork();
      assertThat(spool.read(START, 10)).hasSize(10);
    }
  }

  @Test
  void append_diskNearlyFull_isRefusedUntilThereIsSpace() {
    RocksDB.loadLibrary();
    AtomicLong usable = new AtomicLong(128 << 20);
    WriteOptions writes = new WriteOptions().setSync(false);
    try (Spool spool = Spool.open(dir, 1 << 30, writes, usable::get)) {
      spool.append(decisions.list(1));
      usable.decrementAndGet();
      awaitRefusal(spool, true);
      assertThat(spool.read(START, 1)).as("what waits can still be shipped").hasSize(1);
      spool.remove(spool.read(START, 1));
      usable.incrementAndGet();
      awaitRefusal(spool, false);
    }
  }

  /** The disk is looked at ten times a second. */
  private void awaitRefusal(Spool spool, boolean refused) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    boolean now;
    do {
      try {
        spool.append(decisions.list(1));
        now = false;
      } catch (FeedbackException.SpoolFull e) {
        assertThat(e).hasMessageContaining("expected at least 134217728");
        now = true;
      }
      assertThat(System.nanoTime()).isLessThan(end);
    } while (now != refused);
  }

  @Test
  void open_again_countsWhatWaits() {
    long bytes;
    try (Spool spool = Spool.open(dir, 1 << 20)) {
      spool.append(decisions.list(100));
      bytes = spool.bytes();
    }
    try (Spool spool = Spool.open(dir, 1 << 20)) {
      assertThat(spool.bytes()).isEqualTo(bytes);
      assertThat(spool.read(START, 1_000)).hasSize(100);
    }
  }

  @Test
  void open_whileAnotherHasIt_isRefused() {
    try (Spool spool = Spool.open(dir, 1 << 20)) {
      assertThat(spool.bytes()).isZero();
      assertThatThrownBy(() -> Spool.open(dir, 1 << 20))
          .isInstanceOf(FeedbackException.Unavailable.class);
    }
  }

  @Test
  void append_fromManyThreads_losesNothing() throws Exception {
    var threads = Executors.newFixedThreadPool(4);
    try (Spool spool = Spool.open(dir, 16 << 20)) {
      for (int i = 0; i < 200; i++) {
        List<Decision> some = decisions.list(20);
        threads.execute(() -> spool.append(some));
      }
      threads.shutdown();
      assertThat(threads.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
      assertThat(spool.read(START, 10_000)).hasSize(4_000);
    }
  }

  /** What the process said it kept is there after SIGKILL. */
  @Test
  void open_afterTheProcessWasKilled_holdsAllThatWasAppended() throws Exception {
    assertThat(lostAfterAKill("as it is")).isEmpty();
  }

  /** The control: without its write-ahead log a spool loses what it said it kept, and is caught. */
  @Test
  void open_afterTheProcessWasKilled_withoutALog_hasLostSome() throws Exception {
    assertThat(lostAfterAKill(Appends.WITHOUT_LOG)).isNotEmpty();
  }

  /** Of the ids that a killed process had said it kept, those that are not found. */
  private List<UUID> lostAfterAKill(String variant) throws Exception {
    Process child =
        new ProcessBuilder(
                ProcessHandle.current().info().command().orElseThrow(),
                "-cp",
                System.getProperty("java.class.path"),
                Appends.class.getName(),
                dir.toString(),
                variant)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    List<UUID> said = new ArrayList<>();
    try (var lines = child.inputReader()) {
      while (said.size() < 5_000) {
        said.add(UUID.fromString(lines.readLine()));
      }
      child.destroyForcibly();
    }
    child.waitFor();
    try (Spool spool = Spool.open(dir, 1 << 30)) {
      return said.stream().filter(id -> spool.find(id) == null).toList();
    }
  }

  /** Appends until it is killed, and says each id once it is kept. */
  static final class Appends {
    static final String WITHOUT_LOG = "without log";

    private Appends() {}

    public static void main(String[] args) {
      RocksDB.loadLibrary();
      Decisions decisions = new Decisions(9);
      Path dir = Path.of(args[0]);
      Spool spool =
          args[1].equals(WITHOUT_LOG)
              ? Spool.open(dir, 1 << 30, new WriteOptions().setDisableWAL(true))
              : Spool.open(dir, 1 << 30);
      while (spool.bytes() < 1 << 29) {
        List<Decision> some = decisions.list(10);
        spool.append(some);
        some.forEach(d -> System.out.println(d.id()));
      }
    }
  }
}
