package io.apgms.ml.gateway.admin;

import static io.apgms.ml.gateway.MigratedDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.feedback.FeedbackOptions;
import io.apgms.ml.feedback.FeedbackVerticle;
import io.apgms.ml.gateway.MigratedDatabase;
import io.apgms.ml.gateway.database.Database;
import io.apgms.ml.gateway.database.DatabaseAddress;
import io.apgms.ml.gateway.decision.Answered;
import io.apgms.ml.gateway.decision.InputCounts;
import io.apgms.ml.gateway.decision.Tallied;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.drift.Drift;
import io.apgms.ml.registry.drift.Drift.Verdict;
import io.apgms.ml.registry.gate.Policy;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Replicas, round by round, against PostgreSQL. */
class DriftVerticleTest {
  private static final String LIQUIDITY = "liquidity_ratio";

  @TempDir static Path dir;
  private static MigratedDatabase database;
  private static FeedbackVerticle feedback;

  private static final BiasWatch BIAS =
      new BiasWatch(
          ArtifactStore.withoutSignatures(Path.of("../artifacts/models")),
          Policy.read(Path.of("../conf/policy.yaml")).bias());

  private static final class Replica {
    final InputCounts inputs = new InputCounts();
    final Tallied loop = new Tallied(inputs, database.vertx().getOrCreateContext());
    final DriftVerticle verticle = new DriftVerticle(feedback, inputs, BIAS);

    VersionDrift of(String model) {
      return verticle.reading().of(model).get(0);
    }

    ColumnDrift liquidity(String model) {
      return of(model).features().stream()
          .filter(c -> c.counts().feature().equals(LIQUIDITY))
          .findFirst()
          .orElseThrow();
    }
  }

  @BeforeAll
  static void startDatabase() throws Exception {
    database = MigratedDatabase.start();
    DatabaseAddress address = database.address();
    feedback =
        new FeedbackVerticle(
            new FeedbackOptions(
                "here",
                dir.resolve("spool"),
                1 << 20,
                dir.resolve("redaction"),
                address.jdbcUrl(),
                address.user(),
                address.password(),
                database.pool("drift"),
                Database.connectOptions(address, 5_000),
                5_000,
                new PrometheusMeterRegistry(PrometheusConfig.DEFAULT)));
    get(database.vertx().deployVerticle(feedback));
  }

  @AfterAll
  static void end() throws Exception {
    database.close();
  }

  /** Rows whose first feature goes evenly over a range, all other features the same. */
  private static float[] rows(ServedModel model, int rows, double from, double to) {
    int width = model.features().size();
    float[] all = new float[rows * width];
    for (int i = 0; i < rows; i++) {
      all[i * width] = (float) (from + (to - from) * i / rows);
    }
    return all;
  }

  /** As the baseline's deciles have it, the lower half or the upper one. */
  private static float[] half(ServedModel model, int rows, boolean upper) {
    double[] edges =
        model.features().get(0).baseline().edges().stream().mapToDouble(e -> e).toArray();
    int width = model.features().size();
    float[] all = new float[rows * width];
    for (int i = 0; i < rows; i++) {
      int bin = i % 5 + (upper ? 5 : 0);
      all[i * width] = (float) (bin == 9 ? edges[8] + 1 : edges[bin]);
    }
    return all;
  }

  /** The positive control is in it: each replica's own figure, and so their mean, would alarm. */
  @Test
  void round_ofTwoReplicasWithOtherCustomers_eachSeesTheSumOfTheirCounts() throws Exception {
    ServedModel model = Answered.model("both", "1", 100);
    Replica a = new Replica();
    Replica b = new Replica();
    assertThat(a.verticle.reading()).as("not read yet").isNull();
    a.loop.count(model, half(model, 400, false), 0.1);
    get(a.verticle.round());
    assertThat(a.liquidity("both").drift().verdict()).isEqualTo(Verdict.INSUFFICIENT_DATA);
    a.loop.count(model, half(model, 200, false), 0.1);
    get(a.verticle.round());
    ColumnDrift alone = a.liquidity("both");
    assertThat(alone.drift().verdict())
        .as("what one replica alone would say")
        .isEqualTo(Verdict.DRIFTED);
    b.loop.count(model, half(model, 600, true), 0.1);
    get(b.verticle.round());
    get(a.verticle.round());
    for (Replica r : new Replica[] {a, b}) {
      ColumnDrift together = r.liquidity("both");
      assertThat(together.drift().rows()).isEqualTo(1_200);
      assertThat(together.counts().cells()).containsOnly(120);
      assertThat(together.drift().verdict()).isEqualTo(Verdict.STABLE);
      assertThat(r.of("both").window()).isEqualTo(VersionDrift.HOUR);
    }
    long[] other = b.liquidity("both").counts().cells().clone();
    Arrays.setAll(other, i -> other[i] - alone.counts().cells()[i]);
    double mean = (alone.drift().psi() + Drift.of(alone.counts().baseline(), other).psi()) / 2;
    assertThat(mean).as("a mean of the replicas' scores").isGreaterThan(0.1);
  }

  @Test
  void round_databaseAway_isMadeUpForOnce() throws Exception {
    ServedModel model = Answered.model("away", "1", 100);
    Replica a = new Replica();
    a.loop.count(model, rows(model, 10, 0, 1), 0.1);
    get(a.verticle.round());
    database.sql("ALTER TABLE feedback.drift_count RENAME TO gone");
    try {
      a.loop.count(model, rows(model, 20, 0, 1), 0.1);
      assertThatThrownBy(() -> get(a.verticle.round())).isInstanceOf(Exception.class);
      a.loop.count(model, rows(model, 40, 0, 1), 0.1);
      assertThatThrownBy(() -> get(a.verticle.round())).isInstanceOf(Exception.class);
      assertThat(a.of("away").rows()).as("as it was read last").isEqualTo(10);
    } finally {
      database.sql("ALTER TABLE feedback.gone RENAME TO drift_count");
    }
    get(a.verticle.round());
    assertThat(a.of("away").rows()).as("what was sent, as it was").isEqualTo(30);
    get(a.verticle.round());
    assertThat(a.of("away").rows()).isEqualTo(70);
  }

  @Test
  void undeploy_whatWasCountedLast_isReported() throws Exception {
    Replica a = new Replica();
    String id = get(database.vertx().deployVerticle(a.verticle));
    ServedModel model = Answered.model("last", "1", 100);
    a.loop.count(model, rows(model, 3, 0, 1), 0.1);
    get(database.vertx().undeploy(id));
    Replica b = new Replica();
    get(b.verticle.round());
    assertThat(b.of("last").rows()).isEqualTo(3);
  }

  /** A quiet hour is judged by the day; a version that nobody asks any more has no gauge. */
  @Test
  void round_hourWithTooFewRows_isJudgedByTheDay() throws Exception {
    ServedModel model = Answered.model("quiet", "1", 100);
    Replica a = new Replica();
    a.loop.count(model, half(model, 490, false), 0.1);
    get(a.verticle.round());
    database.sql(
        "UPDATE feedback.drift_count SET at = at - interval '5 hours' WHERE model_id = 'quiet'");
    a.loop.count(model, half(model, 10, false), 0.1);
    Replica b = new Replica();
    get(a.verticle.round());
    get(b.verticle.round()); // its first look at the day
    assertThat(b.of("quiet").window()).isEqualTo(VersionDrift.DAY);
    assertThat(b.of("quiet").rows()).isEqualTo(500);
    assertThat(b.liquidity("quiet").drift().verdict()).isEqualTo(Verdict.DRIFTED);
    PrometheusMeterRegistry meters = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    DriftMeters gauges = new DriftMeters(meters, b.verticle, new ScoringRuntime(8, meters));
    gauges.refresh();
    String series =
        "apgms_ml_feature_drift_score{feature=\"liquidity_ratio\",model=\"quiet\",version=\"1\"}";
    assertThat(meters.scrape()).contains(series);
    database.sql(
        "UPDATE feedback.drift_count SET at = at - interval '5 hours' WHERE model_id = 'quiet'");
    get(b.verticle.round());
    gauges.refresh();
    assertThat(meters.scrape()).doesNotContain(series);
  }

  @Test
  void round_dayThatIsOver_isWrittenOnce() throws Exception {
    ServedModel model = Answered.model("daily", "1", 100);
    Replica a = new Replica();
    a.loop.count(model, half(model, 600, false), 0.1);
    get(a.verticle.round());
    database.sql(
        "UPDATE feedback.drift_count SET at = date_trunc('day', now() AT TIME ZONE 'UTC')"
            + " AT TIME ZONE 'UTC' - interval '10 minutes' WHERE model_id = 'daily'");
    database.sql("DELETE FROM feedback.feature_drift");
    get(new Replica().verticle.round());
    get(new Replica().verticle.round());
    try (Connection c = database.connect();
        Statement s = c.createStatement();
        ResultSet found =
            s.executeQuery(
                "SELECT count(*), count(DISTINCT feature), max(psi), bool_or(day = (now() AT TIME"
                    + " ZONE 'UTC')::date - 1) FROM feedback.feature_drift"
                    + " WHERE model_id = 'daily'")) {
      found.next();
      assertThat(found.getLong(1)).as("a row a feature, and one of the score").isEqualTo(13);
      assertThat(found.getLong(2)).isEqualTo(13);
      assertThat(found.getDouble(3)).isGreaterThan(0.1);
      assertThat(found.getBoolean(4)).isTrue();
    }
  }
}
