package io.apgms.ml.gateway.admin;

import static io.apgms.ml.gateway.MigratedDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.gateway.MigratedDatabase;
import io.apgms.ml.gateway.decision.Answered;
import io.apgms.ml.gateway.decision.DecisionMeters;
import io.apgms.ml.registry.ErrorBudget;
import io.apgms.ml.registry.ErrorBudgets;
import io.apgms.ml.scoring.ServedModel;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Instant;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Replicas, round by round, against PostgreSQL. */
class BudgetVerticleTest {
  private static MigratedDatabase database;
  private static ErrorBudgets budgets;

  private static final class Replica {
    final DecisionMeters meters =
        new DecisionMeters(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
    final BudgetVerticle verticle = new BudgetVerticle(budgets, meters);

    ErrorBudget.Used used(String model) {
      return verticle.of(model).over(ErrorBudget.PERIOD, Instant.now());
    }
  }

  @BeforeAll
  static void startDatabase() throws Exception {
    database = MigratedDatabase.start();
    budgets = database.registry("budget").errorBudgets();
  }

  @AfterAll
  static void end() throws Exception {
    database.close();
  }

  @Test
  void round_ofTwoReplicas_eachSeesWhatBothCounted() throws Exception {
    ServedModel model = Answered.model("both", "1", 100);
    Replica a = new Replica();
    Replica b = new Replica();
    assertThat(a.verticle.of("both")).as("not read yet").isNull();
    Answered.count(a.meters, model, 7_000, 5);
    Answered.count(b.meters, model, 5_000, 5);
    Answered.count(b.meters, model, 30, 500);
    get(a.verticle.round());
    get(b.verticle.round());
    get(a.verticle.round());
    for (Replica r : new Replica[] {a, b}) {
      assertThat(r.used("both").requests()).isEqualTo(12_030);
      assertThat(r.used("both").bad()).isEqualTo(30);
      assertThat(r.verticle.models()).contains("both");
    }
  }

  /** While the database is away nothing is lost, and what it may have taken is not added twice. */
  @Test
  void round_databaseAway_isMadeUpForOnce() throws Exception {
    ServedModel model = Answered.model("away", "1", 100);
    Replica a = new Replica();
    Answered.count(a.meters, model, 10, 5);
    get(a.verticle.round());
    database.sql("ALTER TABLE registry.error_budget RENAME TO gone");
    try {
      Answered.count(a.meters, model, 20, 500);
      assertThatThrownBy(() -> get(a.verticle.round())).isInstanceOf(Exception.class);
      Answered.count(a.meters, model, 40, 5);
      assertThatThrownBy(() -> get(a.verticle.round())).isInstanceOf(Exception.class);
    } finally {
      database.sql("ALTER TABLE registry.gone RENAME TO error_budget");
    }
    get(a.verticle.round());
    assertThat(a.used("away").requests()).as("what was sent, as it was").isEqualTo(30);
    get(a.verticle.round());
    assertThat(a.used("away").requests()).isEqualTo(70);
    assertThat(a.used("away").bad()).isEqualTo(20);
  }

  @Test
  void undeploy_whatWasCountedLast_isReported() throws Exception {
    Replica a = new Replica();
    String id = get(database.vertx().deployVerticle(a.verticle));
    Answered.count(a.meters, Answered.model("last", "1", 100), 3, 5);
    get(database.vertx().undeploy(id));
    Replica b = new Replica();
    get(b.verticle.round());
    assertThat(b.used("last").requests()).isEqualTo(3);
    assertThat(b.verticle.of("last").remaining(Instant.now())).isEqualTo(1);
  }
}
