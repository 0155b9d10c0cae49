package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.apgms.ml.feedback.TrialPairs.Sums;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TrialPairsTest {
  private static final UUID TRIAL = UUID.randomUUID();

  private final TestDatabase database = new TestDatabase();
  private final Decisions ids = new Decisions(41);
  private final TrialPairs here = new TrialPairs(database.direct(), "here");
  private final TrialPairs there = new TrialPairs(database.direct(), "there");

  @AfterEach
  void close() {
    here.close();
    there.close();
  }

  private TrialPair pair(double base, double second) {
    return new TrialPair(
        TRIAL, ids.id(System.currentTimeMillis()), "m", base, base >= 0.5, second, second >= 0.5);
  }

  private Sums sums() {
    return sums(TRIAL);
  }

  private Sums sums(UUID trial) {
    Map<UUID, Sums> all =
        TestDatabase.get(
            database.pool.withTransaction(c -> TrialPairs.sums(c, List.of(trial, TRIAL))));
    return all.getOrDefault(trial, new Sums(0, 0, 0, 0, 0, 0));
  }

  @Test
  void store_onTwoReplicas_addsUp() {
    here.store(TRIAL, List.of(pair(0.4, 0.6), pair(0.2, 0.1), pair(0.7, Double.NaN)), 3);
    there.store(TRIAL, List.of(pair(0.9, 0.9)), 0);
    Sums sums = sums();
    assertThat(sums.pairs()).isEqualTo(3);
    assertThat(sums.errors()).isEqualTo(1);
    assertThat(sums.disagreements()).isEqualTo(1);
    assertThat(sums.sumDifference()).isCloseTo(0.3, within(1e-9));
    assertThat(sums.sumSquares()).isCloseTo(0.05, within(1e-9));
    assertThat(sums.dropped()).isEqualTo(3);
    assertThat(database.count("feedback.trial_pair")).isEqualTo(4);
    assertThat(sums(UUID.randomUUID()).pairs()).isZero();
  }

  /** As after a commit whose answer was lost. */
  @Test
  void store_theSameAgain_countsOnce() {
    List<TrialPair> pairs = new ArrayList<>(List.of(pair(0.4, 0.6), pair(0.2, 0.1)));
    here.store(TRIAL, pairs, 0);
    pairs.add(pair(0.1, 0.9));
    here.store(TRIAL, pairs, 0);
    assertThat(sums().pairs()).isEqualTo(3);
    assertThat(sums().disagreements()).isEqualTo(2);
  }

  @Test
  void store_nothingButWhatWasDropped_isKept() {
    here.store(TRIAL, List.of(), 7);
    assertThat(sums().dropped()).isEqualTo(7);
    assertThat(sums().pairs()).isZero();
  }

  @Test
  void store_manyAtRandom_sumsAreThoseOfTheRows() {
    SplittableRandom random = new SplittableRandom(11);
    for (int batch = 0; batch < 20; batch++) {
      List<TrialPair> pairs = new ArrayList<>();
      for (int i = random.nextInt(200); i >= 0; i--) {
        double second = random.nextInt(20) == 0 ? Double.NaN : random.nextDouble();
        pairs.add(pair(random.nextDouble(), second));
      }
      (batch % 2 == 0 ? here : there).store(TRIAL, pairs, 0);
    }
    String rows = "feedback.trial_pair WHERE second_score IS ";
    assertThat(sums().pairs()).isEqualTo(database.count(rows + "NOT NULL"));
    assertThat(sums().errors()).isEqualTo(database.count(rows + "NULL")).isPositive();
    assertThat(sums().disagreements())
        .isEqualTo(database.count(rows + "NOT NULL AND second_review <> base_review"));
  }

  @Test
  void store_databaseAway_isUnavailableAndWorksAgainLater() {
    FeedbackOptions away = database.options(Path.of("unused"));
    TrialPairs nowhere =
        new TrialPairs(
            new DirectConnections(
                new FeedbackOptions(
                    "here",
                    away.spoolDir(),
                    1,
                    away.redactionKeys(),
                    "jdbc:postgresql://127.0.0.1:1/none",
                    "nobody",
                    "",
                    away.pool(),
                    away.server(),
                    100,
                    away.meters())),
            "here");
    assertThatThrownBy(() -> nowhere.store(TRIAL, List.of(pair(0.1, 0.1)), 0))
        .isInstanceOf(FeedbackException.Unavailable.class);
    here.store(TRIAL, List.of(pair(0.1, 0.1)), 0);
    database.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            + " WHERE application_name = 'ml-service-trials' AND datname = current_database()");
    assertThatThrownBy(() -> here.store(TRIAL, List.of(pair(0.1, 0.1)), 0))
        .isInstanceOf(FeedbackException.Unavailable.class);
    here.store(TRIAL, List.of(pair(0.1, 0.1)), 0);
    assertThat(sums().pairs()).isEqualTo(2);
  }
}
