package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.gateway.History.Answered;
import io.apgms.ml.gateway.History.Asked;
import io.apgms.ml.gateway.History.Kind;
import io.apgms.ml.gateway.History.Operation;
import io.apgms.ml.gateway.History.Outcome;
import io.apgms.ml.gateway.HistoryChecker.Delivered;
import io.apgms.ml.gateway.HistoryChecker.Flip;
import io.apgms.ml.gateway.HistoryTables.Action;
import io.apgms.ml.gateway.HistoryTables.Stored;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A campaign in which all is well, and one with each promise broken. */
class HistoryCheckerTest {
  private static final String A = "00000000-0000-7000-8000-00000000000a";
  private static final String B = "00000000-0000-7000-8000-00000000000b";

  private static final Instant START = Instant.parse("2026-11-25T08:00:00Z");

  private final List<Flip> flips = new ArrayList<>();
  private final List<Operation> history = new ArrayList<>();
  private final List<Stored> rows = new ArrayList<>();
  private final Set<String> holds = new HashSet<>(Set.of(A, B));
  private final List<Action> actions = new ArrayList<>();
  private final List<Delivered> received = new ArrayList<>();

  @TempDir Path dir;

  private static Operation attempt(String trace, Outcome outcome, int status, String id) {
    String answer = outcome == Outcome.OK ? "0.9|true" : "";
    return new Operation(
        new Asked(trace, Kind.DECISION, "sent " + trace, false),
        new Answered(outcome, status, id, answer));
  }

  private static Delivered hold(String event, String prediction, String entity, String body) {
    return new Delivered(event, "hold", prediction, entity, body, START);
  }

  private static Flip flip(long askedMs, long ackedMs, long liftedMs) {
    return new Flip(
        START.plusMillis(askedMs), START.plusMillis(ackedMs), START.plusMillis(liftedMs));
  }

  private static Stored row(String trace, String id) {
    return new Stored(Kind.DECISION, trace, id, "sent " + trace, "0.9|true", true);
  }

  @BeforeEach
  void allIsWell() {
    flips.add(flip(-9_000, -8_000, -1)); // lifted before anything started
    flips.add(flip(-3_100, -3_000, 1)); // as late as it may be
    history.add(attempt("a", Outcome.UNKNOWN, 0, ""));
    history.add(attempt("a", Outcome.OK, 200, A));
    history.add(attempt("b", Outcome.FAIL, 0, "")); // nobody listened
    history.add(attempt("b", Outcome.OK, 200, B));
    history.add(attempt("never", Outcome.UNKNOWN, 0, ""));
    rows.add(row("a", A));
    rows.add(row("b", B));
    actions.add(new Action(A, "sent"));
    actions.add(new Action(B, "sent"));
    received.add(hold("e1", A, "entity", "body a"));
    received.add(hold("e2", B, "entity", "body b"));
    received.add(hold("e1", A, "entity", "body a")); // at least once
  }

  private List<String> violations() {
    return HistoryChecker.violations(
        history, flips, new HistoryTables(rows, holds, actions), received);
  }

  @Test
  void violations_allIsWell_areNone() {
    assertThat(violations()).isEmpty();
  }

  @Test
  void violations_acknowledgedRowGone_isLost() {
    rows.remove(0);
    assertThat(violations()).containsExactly("lost: a was acknowledged as " + A);
  }

  @Test
  void violations_rowOtherThanSentOrAnswered_isLost() {
    rows.set(0, new Stored(Kind.DECISION, "a", A, "sent x", "0.9|true", true));
    rows.set(1, new Stored(Kind.DECISION, "b", B, "sent b", "0.8|true", true));
    assertThat(violations())
        .containsExactly(
            "lost: sent sent a, stored sent x", "lost: answered 0.9|true, stored 0.8|true");
  }

  @Test
  void violations_storedTwice_isTwice() {
    rows.add(row("a", "c"));
    holds.add("c");
    assertThat(violations()).containsExactly("twice: a is stored 2 times");
  }

  @Test
  void violations_oneKeyWithTwoAnswers_isTwice() {
    history.add(attempt("a", Outcome.OK, 200, B));
    assertThat(violations()).contains("twice: a was answered with more than one truth");
  }

  @Test
  void violations_rowThatNobodySent_isAGhost() {
    rows.add(row("z", "z"));
    holds.add("z");
    assertThat(violations()).containsExactly("ghost: z is stored and was never sent");
  }

  @Test
  void violations_refusedAndStored_isAGhost() {
    history.add(
        new Operation(
            new Asked("r", Kind.LABEL, "s", true), new Answered(Outcome.FAIL, 422, "", "")));
    assertThat(violations()).isEmpty();
    rows.add(new Stored(Kind.LABEL, "r", "l", "s", "label", false));
    assertThat(violations()).containsExactly("ghost: r was refused each time and is stored");
  }

  @Test
  void violations_goodRequestRefusedOrBadOneTaken_isARefusal() {
    history.add(attempt("a", Outcome.FAIL, 404, ""));
    history.add(
        new Operation(
            new Asked("b", Kind.DECISION, "sent b", true),
            new Answered(Outcome.OK, 200, B, "0.9|true")));
    assertThat(violations())
        .containsExactly("refusal: a was answered 404", "refusal: b was answered 200");
  }

  @Test
  void violations_enforcedWithoutAHoldOrTheReverse_isAnAction() {
    holds.remove(A);
    received.removeIf(e -> e.predictionId().equals(A));
    actions.remove(0);
    rows.set(1, new Stored(Kind.DECISION, "b", B, "sent b", "0.9|true", false));
    assertThat(violations())
        .containsExactlyInAnyOrder(
            "action: a is enforced without a hold",
            "action: b has a hold",
            "observe: " + B + " is held, and was not decided so");
  }

  @Test
  void violations_holdThatNeverArrived_isLost() {
    received.removeIf(e -> e.predictionId().equals(B));
    assertThat(violations()).containsExactly("lost: the hold of " + B + " never arrived");
    actions.set(1, new Action(B, "cancelled"));
    assertThat(violations()).isEmpty();
  }

  @Test
  void violations_holdThatStillWaits_isNotAtRest() {
    actions.set(1, new Action(B, "pending"));
    assertThat(violations()).containsExactly("rest: " + B + " still waits for its sink");
  }

  @Test
  void violations_holdWithoutAnOutboxRow_isAGhost() {
    received.add(hold("e3", "c", "other", "body"));
    assertThat(violations()).containsExactly("ghost: a hold arrived for c, which has none");
  }

  @Test
  void violations_oneEventWithTwoBodies_isTold() {
    received.add(hold("e1", A, "entity", "another"));
    assertThat(violations()).containsExactly("event: e1 came with two bodies");
  }

  @Test
  void violations_firstArrivalsOutOfOrder_areTold() {
    received.add(0, received.remove(1));
    assertThat(violations()).containsExactly("order: " + A + " of entity came after a later");
  }

  @Test
  void violations_holdThatStartsLaterThanThreeSecondsAfterAFlip_isLate() {
    received.removeIf(e -> e.predictionId().equals(A));
    actions.set(0, new Action(A, "cancelled"));
    flips.set(1, flip(-3_100, -3_001, 1));
    assertThat(violations())
        .containsExactly("late: " + B + " started 3001 ms after a forced observe was acknowledged");
    flips.set(1, flip(-3_100, -3_001, 0)); // the lift had been sent
    assertThat(violations()).isEmpty();
  }

  @Test
  void violations_releaseAfterAFlip_isNone() {
    flips.set(1, flip(-9_000, -8_000, 1));
    received.replaceAll(
        e -> new Delivered(e.eventId(), "release", e.predictionId(), "", e.body(), e.started()));
    assertThat(violations()).noneMatch(v -> v.startsWith("late"));
  }

  @Test
  void violations_holdOfADecisionThatObserves_isTold() {
    rows.add(new Stored(Kind.DECISION, "never", "c", "sent never", "0.9|false", false));
    received.add(hold("e3", "c", "other", "body"));
    assertThat(violations())
        .containsExactlyInAnyOrder(
            "observe: c is held, and was not decided so",
            "ghost: a hold arrived for c, which has none");
  }

  @Test
  void read_eventsOfAKilledCampaign_leavesTheUnansweredUnknown() throws IOException {
    Path file = dir.resolve("history");
    Asked asked = new Asked("t", Kind.LABEL, "s|\"\n", true);
    Answered answered = new Answered(Outcome.OK, 201, "id", "label");
    try (History written = new History(file)) {
      written.asked(asked);
      long n = written.asked(asked);
      assertThat(Files.readAllLines(file)).hasSize(2); // on disk before the caller goes on
      written.answered(n, answered);
    }
    assertThat(History.read(file))
        .containsExactly(new Operation(asked, Answered.LOST), new Operation(asked, answered));
  }
}
