package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LabelsTest {
  private static final Instant NOON = Instant.parse("2026-11-23T12:00:00Z");

  @TempDir Path dir;
  private final TestDatabase database = new TestDatabase();
  private final Decisions decisions = new Decisions(17);
  private final List<NewLabel.Label> counted = new ArrayList<>();
  private Spool spool;
  private Labels labels;
  private DecisionLog log;

  @BeforeEach
  void open() {
    spool = Spool.open(dir, 1 << 20);
    labels =
        new Labels(database.db, spool, TestDatabase.SPOOLS, (label, source) -> counted.add(label));
    log = new DecisionLog(database.db, spool, TestDatabase.SPOOLS, new PredictionClock(), labels);
  }

  @AfterEach
  void close() {
    spool.close();
  }

  private UUID committed(boolean review) {
    Decision decision = Decisions.plain(decisions.id(System.currentTimeMillis()), review, false);
    return TestDatabase.get(database.commits().commit(decision)).id();
  }

  private static NewLabel label(UUID prediction, NewLabel.Label label, Instant observedAt) {
    return new NewLabel(
        prediction,
        "m",
        "20261123",
        label,
        NewLabel.Source.OPERATOR,
        "ann",
        "seen",
        "{\"a\":1}",
        observedAt);
  }

  private static Labels.Key key(String key, int body) {
    return new Labels.Key("ann", key, new byte[] {(byte) body});
  }

  private LabelReceipt record(NewLabel label, Labels.Key key) {
    return TestDatabase.get(labels.record(label, key));
  }

  @Test
  void record_onACommittedPrediction_showsWithIt() {
    UUID id = committed(true);
    NewLabel sent = label(id, NewLabel.Label.FALSE_POSITIVE, NOON);
    LabelReceipt receipt = record(sent, key(null, 1));
    PredictionView view = TestDatabase.get(log.prediction(id));
    assertThat(view.labels())
        .containsExactly(new LabelView(receipt.id(), sent, receipt.recordedAt()));
    assertThat(counted).containsExactly(NewLabel.Label.FALSE_POSITIVE);
  }

  @Test
  void record_labelsThatDisagree_keepsAllTheNewestObservedFirst() {
    UUID id = committed(true);
    record(label(id, NewLabel.Label.FALSE_POSITIVE, NOON), key(null, 1));
    record(label(id, NewLabel.Label.TRUE_POSITIVE, NOON.minusSeconds(60)), key(null, 2));
    assertThat(TestDatabase.get(log.prediction(id)).labels())
        .extracting(v -> v.label().label())
        .containsExactly(NewLabel.Label.FALSE_POSITIVE, NewLabel.Label.TRUE_POSITIVE);
  }

  @Test
  void record_predictionStillInTheSpool_commitsItWithTheLabel() {
    Decision waiting = Decisions.plain(decisions.id(System.currentTimeMillis()), true, false);
    log.spool(List.of(waiting));
    record(label(waiting.id(), NewLabel.Label.TRUE_POSITIVE, NOON), key(null, 1));
    assertThat(database.count("feedback.decision")).isEqualTo(1);
    assertThat(TestDatabase.get(log.prediction(waiting.id())).labels()).hasSize(1);
  }

  @Test
  void record_unknownPrediction_isNotFoundAndNothingIsKept() {
    NewLabel unknown = label(UUID.randomUUID(), NewLabel.Label.TRUE_POSITIVE, NOON);
    assertThatThrownBy(() -> record(unknown, key("k", 1)))
        .isInstanceOf(FeedbackException.NotFound.class);
    assertThat(database.count("feedback.model_feedback")).isZero();
    assertThat(counted).isEmpty();
  }

  @Test
  void record_mayWaitInAnotherReplicasSpool_isNotSaidToBeUnknown() {
    UUID id = decisions.id(System.currentTimeMillis());
    NewLabel early = label(id, NewLabel.Label.TRUE_POSITIVE, NOON);
    database.sql("INSERT INTO feedback.spool VALUES ('there', 0)");
    assertThatThrownBy(() -> record(early, key("k", 1)))
        .isInstanceOf(FeedbackException.Elsewhere.class);
    assertThatThrownBy(() -> TestDatabase.get(log.prediction(id)))
        .isInstanceOf(FeedbackException.Elsewhere.class);
    assertThatThrownBy(() -> TestDatabase.get(log.proof(id)))
        .isInstanceOf(FeedbackException.Elsewhere.class);
    TestDatabase.get(database.commits().commit(Decisions.plain(id, true, false)));
    record(early, key("k", 1));
    assertThat(database.count("feedback.model_feedback")).isEqualTo(1);
  }

  @Test
  void record_noUuidOfVersionSeven_isNotFoundAtOnce() {
    Labels lost =
        new Labels(TestDatabase.away(500), spool, TestDatabase.SPOOLS, (label, source) -> {});
    NewLabel unknown = label(UUID.randomUUID(), NewLabel.Label.TRUE_POSITIVE, NOON);
    assertThatThrownBy(() -> TestDatabase.get(lost.record(unknown, key("k", 1))))
        .isInstanceOf(FeedbackException.NotFound.class);
  }

  @Test
  void record_otherVersion_namesTheOneThatDecided() {
    NewLabel other =
        new NewLabel(
            committed(true),
            "m",
            "20261116",
            NewLabel.Label.TRUE_POSITIVE,
            NewLabel.Source.FINANCE,
            "ann",
            null,
            null,
            NOON);
    assertThatThrownBy(() -> record(other, key(null, 1)))
        .isInstanceOf(FeedbackException.VersionConflict.class)
        .hasMessageContaining("expected m 20261123");
  }

  @Test
  void record_negativeForAReview_isAContradiction() {
    NewLabel wrong = label(committed(true), NewLabel.Label.FALSE_NEGATIVE, NOON);
    assertThatThrownBy(() -> record(wrong, key(null, 1)))
        .isInstanceOf(FeedbackException.Contradiction.class);
    record(label(committed(false), NewLabel.Label.FALSE_NEGATIVE, NOON), key(null, 1));
  }

  @Test
  void record_sameKeySameBody_replaysTheFirstReceipt() {
    NewLabel sent = label(committed(true), NewLabel.Label.TRUE_POSITIVE, NOON);
    LabelReceipt first = record(sent, key("k", 1));
    assertThat(record(sent, key("k", 1))).isEqualTo(first);
    assertThat(counted).hasSize(1);
  }

  @Test
  void record_sameKeyOtherBody_isRefused() {
    NewLabel sent = label(committed(true), NewLabel.Label.TRUE_POSITIVE, NOON);
    record(sent, key("k", 1));
    assertThatThrownBy(() -> record(sent, key("k", 2)))
        .isInstanceOf(FeedbackException.KeyReused.class);
    record(sent, new Labels.Key("bob", "k", new byte[] {2}));
  }

  @Test
  void record_sameKeyManyTimesAtOnce_isOneLabel() {
    NewLabel sent = label(committed(true), NewLabel.Label.TRUE_POSITIVE, NOON);
    var pending = new ArrayList<io.vertx.core.Future<LabelReceipt>>();
    for (int i = 0; i < 20; i++) {
      pending.add(labels.record(sent, key("k", 1)));
    }
    assertThat(pending.stream().map(f -> TestDatabase.get(f).id()).distinct()).hasSize(1);
    assertThat(database.count("feedback.model_feedback")).isEqualTo(1);
  }

  @Test
  void list_byPages_givesEachOnceNewestFirst() {
    UUID id = committed(true);
    for (int i = 0; i < 25; i++) {
      record(label(id, NewLabel.Label.TRUE_POSITIVE, NOON.plusSeconds(i)), key(null, i));
    }
    List<UUID> seen = new ArrayList<>();
    String cursor = null;
    do {
      Page<LabelView> page =
          TestDatabase.get(
              labels.list(new LabelQuery("m", null, null, null, null, null, null, 10, cursor)));
      page.items().forEach(v -> seen.add(v.id()));
      cursor = page.nextCursor();
    } while (cursor != null);
    assertThat(seen).hasSize(25).doesNotHaveDuplicates();
    assertThat(seen.stream().map(UUID::toString)).isSortedAccordingTo((a, b) -> b.compareTo(a));
  }

  @Test
  void list_withFilters_givesWhatMatches() {
    UUID review = committed(true);
    UUID allow = committed(false);
    record(label(review, NewLabel.Label.TRUE_POSITIVE, NOON), key(null, 1));
    record(label(allow, NewLabel.Label.TRUE_NEGATIVE, NOON), key(null, 2));
    Page<LabelView> page =
        TestDatabase.get(
            labels.list(
                new LabelQuery(
                    null,
                    "20261123",
                    NewLabel.Label.TRUE_NEGATIVE,
                    NewLabel.Source.OPERATOR,
                    allow,
                    Instant.now().minusSeconds(60),
                    Instant.now().plusSeconds(60),
                    10,
                    null)));
    assertThat(page.items())
        .singleElement()
        .satisfies(v -> assertThat(v.label().predictionId()).isEqualTo(allow));
  }

  @Test
  void list_foreignCursor_isInvalid() {
    LabelQuery query = new LabelQuery(null, null, null, null, null, null, null, 10, "x'; --");
    assertThatThrownBy(() -> labels.list(query)).isInstanceOf(FeedbackException.Invalid.class);
  }

  @Test
  void prediction_unknown_isNotFound() {
    assertThatThrownBy(() -> TestDatabase.get(log.prediction(UUID.randomUUID())))
        .isInstanceOf(FeedbackException.NotFound.class);
  }

  @Test
  void prediction_inTheSpoolWithTheDatabaseAway_isShownWithoutLabels() {
    Database away = TestDatabase.away(500);
    Labels lost = new Labels(away, spool, TestDatabase.SPOOLS, (label, source) -> {});
    Decision waiting = Decisions.plain(decisions.id(System.currentTimeMillis()), true, false);
    spool.append(List.of(waiting));
    PredictionView view =
        TestDatabase.get(
            new DecisionLog(away, spool, TestDatabase.SPOOLS, new PredictionClock(), lost)
                .prediction(waiting.id()));
    assertThat(view.decision().id()).isEqualTo(waiting.id());
    assertThat(view.labels()).isNull();
  }

  @Test
  void predictions_byPagesAndFilters_givesEachOnce() {
    long start = System.currentTimeMillis() - 100_000;
    for (int i = 0; i < 30; i++) {
      TestDatabase.get(
          database
              .commits()
              .commit(Decisions.plain(decisions.id(start + i * 1_000L), true, i % 3 == 0)));
    }
    List<UUID> seen = new ArrayList<>();
    String cursor = null;
    do {
      Page<PredictionView> page =
          TestDatabase.get(
              log.predictions(
                  new PredictionQuery(
                      "m",
                      "20261123",
                      Instant.ofEpochMilli(start + 6_000),
                      Instant.ofEpochMilli(start + 24_000),
                      true,
                      "e1",
                      4,
                      cursor)));
      page.items().forEach(v -> seen.add(v.decision().id()));
      assertThat(page.items()).allSatisfy(v -> assertThat(v.actionState()).isEqualTo("pending"));
      cursor = page.nextCursor();
    } while (cursor != null);
    assertThat(seen).hasSize(6).doesNotHaveDuplicates();
  }
}
