package io.apgms.ml.scoring;

import io.apgms.ml.scoring.ScoreResult.Outcome;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * One random life of a {@link Batcher} on a virtual event loop: tasks run in order, a clock moves
 * only when told, senders come by chance or answer an answer with their next chunk. Nothing but
 * what the batcher asks for runs a drain, so rows whose wake-up it forgets are still unanswered
 * when the loop has run dry.
 */
final class BatcherSchedule {
  /** What is broken between the loop and the batcher. */
  enum Fault {
    NONE(""),
    DRAINS_FOR_EVER("never runs dry"),
    FORGETS_THE_REST("never answered"),
    FORGETS_WHAT_CAME_WHILE_ANSWERING("never answered"),
    WAKES_FOR_EVERY_CHUNK("too many drains"),
    LOSES_AN_ANSWER("never answered"),
    ANSWERS_TWICE("answered twice"),
    SWAPS_RESULTS("has the result of another"),
    NEWEST_FIRST("was scored after"),
    QUEUE_TOO_LONG("refused or not, wrongly"),
    REFUSES_EARLY("refused or not, wrongly"),
    BATCH_TOO_LARGE("too many rows in one drain"),
    CLOCK_STANDS("was scored past its deadline"),
    CLOCK_RUNS_AHEAD("expired before its deadline");

    private final String symptom;

    Fault(String symptom) {
      this.symptom = symptom;
    }

    /** A part of the violation it leads to. */
    String symptom() {
      return symptom;
    }
  }

  private static final class Violation extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Violation(String message) {
      super(message);
    }
  }

  private static final int STEPS = 40;
  private static final int MAX_CHUNKS = 60; // each answer may lead to another chunk
  private static final int MAX_TASKS = 10 * MAX_CHUNKS; // a drain for each row, and some

  private final SplittableRandom random;
  private final Fault fault;
  private final int maxQueuedRows;
  private final int maxBatchRows;
  private final long startNanos;
  private final Batcher batcher;
  private final ArrayDeque<Runnable> loop = new ArrayDeque<>();
  private final List<ScoreChunk> chunks = new ArrayList<>();
  private final Map<Long, ScoredChunk> answered = new HashMap<>();
  private final Map<Integer, Outcome> ran = new HashMap<>();
  private final @Nullable String violation;

  private long nowNanos;
  private int rows;
  private int scheduledDrains;
  private int rowsOfDrain;
  private int lastOfDrain = -1;
  private int lastOfEarlierDrains = -1;
  private int offersInDrain;
  private long offered = -1;

  BatcherSchedule(long seed, Fault fault) {
    this.random = new SplittableRandom(seed);
    this.fault = fault;
    this.maxQueuedRows = 1 + random.nextInt(24);
    this.maxBatchRows = 1 + random.nextInt(8);
    // nanoTime may begin anywhere: half of the clocks overflow on the way.
    this.startNanos = random.nextBoolean() ? Long.MAX_VALUE - random.nextInt(200) : 0;
    this.nowNanos = startNanos;
    this.batcher =
        new Batcher(
            maxQueuedRows + (fault == Fault.QUEUE_TOO_LONG ? 1 : 0),
            maxBatchRows + (fault == Fault.BATCH_TOO_LARGE ? 1 : 0),
            this::score,
            this::deliver);
    this.violation = run();
  }

  /** What was broken first, or null. */
  @Nullable String violation() {
    return violation;
  }

  /** Of every answered row. */
  List<Outcome> outcomes() {
    return answered.values().stream()
        .flatMap(chunk -> Arrays.stream(chunk.results()))
        .map(ScoreResult::outcome)
        .toList();
  }

  private @Nullable String run() {
    try {
      for (int step = 0; step < STEPS; step++) {
        switch (random.nextInt(4)) {
          case 0, 1 -> loop.add(this::arrive);
          case 2 -> nowNanos += random.nextInt(12);
          default -> runOneTask();
        }
      }
      for (int tasks = 0; !loop.isEmpty(); tasks++) {
        require(tasks < MAX_TASKS, "the loop never runs dry:", batcher.queuedRows());
        runOneTask();
      }
      for (ScoreChunk chunk : chunks) {
        require(answered.containsKey(chunk.id()), "chunk was never answered:", chunk.id());
      }
      require(batcher.queuedRows() == 0, "rows are left:", batcher.queuedRows());
      return null;
    } catch (Violation e) {
      return e.getMessage();
    }
  }

  private void runOneTask() {
    Runnable task = loop.poll();
    if (task != null) {
      task.run();
      nowNanos += random.nextInt(3);
    }
  }

  private void arrive() {
    if (chunks.size() == MAX_CHUNKS) {
      return;
    }
    ScoreRequest[] requests = new ScoreRequest[random.nextInt(7)];
    for (int i = 0; i < requests.length; i++) {
      long patienceNanos = random.nextInt(5) == 0 ? random.nextInt(4) : random.nextInt(200);
      requests[i] =
          new ScoreRequest(
              "model-" + random.nextInt(2),
              random.nextInt(4) == 0 ? "20261116" : null,
              new float[] {rows++},
              nowNanos + patienceNanos);
    }
    ScoreChunk chunk = new ScoreChunk(chunks.size(), "sender-" + chunks.size(), requests);
    chunks.add(chunk);
    offer(chunk);
  }

  private void offer(ScoreChunk chunk) {
    int length = chunk.requests().length;
    boolean fits = batcher.queuedRows() + length <= maxQueuedRows;
    boolean wakes = offerAs(chunk);
    offersInDrain++;
    require(
        waitingRows() <= batcher.queuedRows(),
        "more rows wait than are counted:",
        waitingRows(),
        batcher.queuedRows());
    boolean accepted = !answered.containsKey(chunk.id());
    require(
        accepted == (fits && length > 0),
        "chunk was refused or not, wrongly:",
        chunk.id(),
        !accepted);
    if (wakes || (accepted && fault == Fault.WAKES_FOR_EVERY_CHUNK)) {
      wake();
    }
  }

  private boolean offerAs(ScoreChunk chunk) {
    long outer = offered;
    offered = chunk.id();
    boolean lastFits = batcher.queuedRows() + chunk.requests().length == maxQueuedRows;
    boolean wakes = false;
    if (fault == Fault.REFUSES_EARLY && lastFits) {
      ScoreResult[] results = new ScoreResult[chunk.requests().length];
      Arrays.fill(results, ScoreResult.none(Outcome.OVERLOADED, null));
      deliver(new Batcher.ScoreChunkDone(chunk.replyTo(), new ScoredChunk(chunk.id(), results)));
    } else {
      wakes = batcher.offer(chunk);
    }
    offered = outer;
    return wakes;
  }

  /** Rows that have neither been scored nor answered nor expired, counted without the batcher. */
  private int waitingRows() {
    int waiting = 0;
    for (ScoreChunk chunk : chunks) {
      if (!answered.containsKey(chunk.id())) {
        for (ScoreRequest request : chunk.requests()) {
          boolean expired = nowNanos - request.deadlineNanos() >= 0;
          waiting += expired || ran.containsKey(number(request)) ? 0 : 1;
        }
      }
    }
    return waiting;
  }

  private void wake() {
    scheduledDrains++;
    require(scheduledDrains == 1, "too many drains are scheduled:", scheduledDrains);
    loop.add(this::drain);
  }

  private void drain() {
    scheduledDrains--;
    rowsOfDrain = 0;
    lastOfEarlierDrains = lastOfDrain;
    offersInDrain = 0;
    long told =
        switch (fault) {
          case CLOCK_STANDS -> startNanos;
          case CLOCK_RUNS_AHEAD -> nowNanos + 1;
          default -> nowNanos;
        };
    boolean again = batcher.drain(told);
    boolean forgets =
        fault == Fault.FORGETS_THE_REST
            || (fault == Fault.FORGETS_WHAT_CAME_WHILE_ANSWERING && offersInDrain > 0);
    if ((again && !forgets) || fault == Fault.DRAINS_FOR_EVER) {
      wake();
    }
    nowNanos += rowsOfDrain;
  }

  private void score(String model, @Nullable String version, List<Batcher.Row> batch) {
    rowsOfDrain += batch.size();
    require(rowsOfDrain <= maxBatchRows, "too many rows in one drain:", rowsOfDrain, maxBatchRows);
    List<Batcher.Row> order = new ArrayList<>(batch);
    if (fault == Fault.NEWEST_FIRST) {
      Collections.reverse(order);
    }
    int previous = lastOfEarlierDrains;
    for (Batcher.Row row : order) {
      ScoreRequest request = row.request();
      int number = number(request);
      require(number > previous, "row was scored after a later one:", number, previous);
      previous = number;
      require(
          request.modelId().equals(model) && Objects.equals(request.version(), version),
          "row was scored by another model:",
          number,
          model,
          version);
      require(nowNanos - request.deadlineNanos() < 0, "row was scored past its deadline:", number);
      boolean set = random.nextInt(10) != 0;
      require(
          ran.put(number, set ? Outcome.SCORED : Outcome.FAILED) == null,
          "row was scored twice:",
          number);
      if (set) {
        row.set(new ScoreResult(Outcome.SCORED, number, null));
      }
    }
    lastOfDrain = Math.max(lastOfDrain, previous);
  }

  private void deliver(Batcher.ScoreChunkDone done) {
    if (fault == Fault.LOSES_AN_ANSWER && done.chunk().id() == 5) {
      return;
    }
    if (fault == Fault.SWAPS_RESULTS) {
      Collections.reverse(Arrays.asList(done.chunk().results()));
    }
    answer(done);
    if (fault == Fault.ANSWERS_TWICE) {
      answer(done);
    }
    switch (random.nextInt(6)) {
      case 0 -> arrive(); // from within the drain
      case 1 -> loop.add(this::arrive);
      default -> {}
    }
  }

  private void answer(Batcher.ScoreChunkDone done) {
    ScoredChunk scored = done.chunk();
    ScoreChunk chunk = chunks.get((int) scored.id());
    require(
        done.replyTo().equals(chunk.replyTo()),
        "chunk went to another sender:",
        done.replyTo(),
        chunk.id());
    require(answered.put(chunk.id(), scored) == null, "chunk was answered twice:", chunk.id());
    require(scored.results().length == chunk.requests().length, "chunk lost rows:", chunk.id());
    for (int i = 0; i < scored.results().length; i++) {
      check(chunk.requests()[i], scored.results()[i], chunk.id() == offered);
    }
  }

  private void check(ScoreRequest request, ScoreResult result, boolean atTheOffer) {
    int number = number(request);
    Outcome outcome = result.outcome();
    Outcome expected = atTheOffer ? Outcome.OVERLOADED : ran.getOrDefault(number, Outcome.EXPIRED);
    require(
        outcome == expected && (outcome != Outcome.SCORED || result.score() == number),
        "row has the result of another:",
        number,
        expected,
        result);
    require(
        outcome != Outcome.EXPIRED || nowNanos - request.deadlineNanos() >= 0,
        "row expired before its deadline:",
        number);
  }

  private static int number(ScoreRequest request) {
    return (int) request.row()[0];
  }

  private static void require(boolean holds, String what, Object... values) {
    if (!holds) {
      throw new Violation(what + " " + Arrays.toString(values));
    }
  }
}
