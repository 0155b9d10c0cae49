package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class GroupCommitTest {
  private final TestDatabase database = new TestDatabase();
  private final GroupCommit commits = database.commits();
  private final Decisions decisions = new Decisions(13);

  private UUID id() {
    return decisions.id(System.currentTimeMillis());
  }

  @Test
  void commit_fiveHundredAtOnce_storesEachWithItsHold() {
    List<Future<Decision>> pending = new ArrayList<>();
    for (int i = 0; i < 500; i++) {
      pending.add(commits.commit(Decisions.plain(id(), true, i % 2 == 0)));
    }
    Set<UUID> ids = new HashSet<>();
    pending.forEach(f -> ids.add(TestDatabase.get(f).id()));
    assertThat(ids).hasSize(500);
    assertThat(database.count("feedback.decision")).isEqualTo(500);
    assertThat(database.count("feedback.action_outbox WHERE kind = 'hold' AND state = 'pending'"))
        .isEqualTo(250);
  }

  @Test
  void commit_holdOfATrace_keepsItsHeaderWithTheAction() {
    String trace = OutboxRows.TRACE;
    TestDatabase.get(commits.commit(Decisions.plain(id(), true, true), null, trace));
    TestDatabase.get(commits.commit(Decisions.plain(id(), true, true), "t", null));
    assertThat(database.count("feedback.action_outbox WHERE traceparent = '" + trace + "'"))
        .isEqualTo(1);
    assertThat(database.count("feedback.action_outbox WHERE traceparent IS NULL")).isEqualTo(1);
  }

  @Test
  void commit_rowsOfEveryShape_areStoredAsGiven() {
    for (int i = 0; i < 50; i++) {
      Decision decision = decisions.next();
      TestDatabase.get(commits.commit(decision));
      CopyTupleTest.assertSame(stored(decision.id())).isEqualTo(decision);
    }
  }

  private Decision stored(UUID id) {
    String sql = "SELECT " + DecisionRows.COLUMNS + " FROM feedback.decision d WHERE id = $1";
    return DecisionRows.decision(
        TestDatabase.get(database.db.read(sql, io.vertx.sqlclient.Tuple.of(id))).iterator().next());
  }

  @Test
  void commit_sameRequestIdAndBody_givesTheFirstDecision() {
    Decision first = Decisions.requested(id(), true, true, "r1", new byte[] {1});
    Decision again = Decisions.requested(id(), false, false, "r1", new byte[] {1});
    TestDatabase.get(commits.commit(first));
    Decision answer = TestDatabase.get(commits.commit(again));
    assertThat(answer.id()).isEqualTo(first.id());
    assertThat(answer.enforced()).isTrue();
    assertThat(database.count("feedback.decision")).isEqualTo(1);
  }

  @Test
  void commit_sameRequestIdManyTimesAtOnce_decidesOnce() {
    List<Future<Decision>> pending = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      pending.add(commits.commit(Decisions.requested(id(), true, true, "r1", new byte[] {1})));
    }
    Set<UUID> ids = new HashSet<>();
    pending.forEach(f -> ids.add(TestDatabase.get(f).id()));
    assertThat(ids).hasSize(1);
    assertThat(database.count("feedback.decision")).isEqualTo(1);
    assertThat(database.count("feedback.action_outbox")).isEqualTo(1);
  }

  @Test
  void commit_sameRequestIdOtherBody_isAConflict() {
    TestDatabase.get(commits.commit(Decisions.requested(id(), true, true, "r1", new byte[] {1})));
    Future<Decision> other =
        commits.commit(Decisions.requested(id(), true, true, "r1", new byte[] {2}));
    assertThatThrownBy(() -> TestDatabase.get(other))
        .isInstanceOf(FeedbackException.RequestIdConflict.class);
  }

  @Test
  void commit_tableRefusesOne_saysNotSent() {
    Decision wrong = Decisions.refused(id());
    assertThatThrownBy(() -> TestDatabase.get(commits.commit(wrong)))
        .isInstanceOf(FeedbackException.NotSent.class);
    TestDatabase.get(commits.commit(Decisions.plain(id(), true, true)));
  }

  @Test
  void commit_databaseAway_saysNotSentAndIsDown() {
    Database away = TestDatabase.away(1_000);
    GroupCommit lost = TestDatabase.commits(away);
    assertThatThrownBy(() -> TestDatabase.get(lost.commit(Decisions.plain(id(), true, true))))
        .isInstanceOf(FeedbackException.NotSent.class);
    assertThat(away.up()).isFalse();
  }

  @Test
  void commit_notAnsweredInTime_isUnknownAndOneTruth() throws Exception {
    Database slow = database.database(300);
    GroupCommit commit = TestDatabase.commits(slow);
    Decision decision = Decisions.requested(id(), true, true, "r1", new byte[] {1});
    try (var connection = java.sql.DriverManager.getConnection(database.url(), "postgres", "")) {
      connection.setAutoCommit(false);
      connection.createStatement().execute("LOCK TABLE feedback.decision");
      assertThatThrownBy(() -> TestDatabase.get(commit.commit(decision)))
          .isInstanceOf(FeedbackException.OutcomeUnknown.class);
      connection.rollback();
    }
    Decision again = Decisions.requested(id(), true, true, "r1", new byte[] {1});
    UUID truth = TestDatabase.get(commits.commit(again)).id();
    assertThat(truth).isIn(decision.id(), again.id());
    assertThat(stored(truth).id()).isEqualTo(truth);
    assertThat(database.count("feedback.decision")).isEqualTo(1);
  }

  @Test
  void commit_queueFull_saysNotSent() {
    List<Future<Decision>> pending = new ArrayList<>();
    for (int i = 0; i < 6_000; i++) {
      pending.add(commits.commit(Decisions.plain(id(), true, false)));
    }
    int kept = 0;
    for (Future<Decision> one : pending) {
      try {
        TestDatabase.get(one);
        kept++;
      } catch (FeedbackException.NotSent e) {
        // what a full queue says
      }
    }
    assertThat(kept).isBetween(2_048, 5_999);
    assertThat(database.count("feedback.decision")).isEqualTo(kept);
  }
}
