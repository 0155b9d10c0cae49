package io.apgms.ml.registry;

import static io.apgms.ml.registry.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.Retraining.Cause;
import io.apgms.ml.registry.Retraining.Dataset;
import io.apgms.ml.registry.Retrainings.Asked;
import io.apgms.ml.registry.Retrainings.Line;
import io.apgms.ml.registry.Retrainings.Outcome;
import io.vertx.core.Future;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Requests in a real database: one at a time of a model, whoever asks and how often. */
class RetrainingsTest {
  private static final Instant TO = Instant.parse("2026-11-24T22:00:00Z");
  private static final Dataset DATASET =
      new Dataset(TO.minusSeconds(604_800), TO, 12, "ab".repeat(32));

  private TestDatabase db;
  private RegistryDatabase registry;

  @BeforeEach
  void freshDatabase() {
    db = new TestDatabase();
    registry = db.registry;
  }

  private static Asked drift(String model) {
    return new Asked(
        model, Cause.drift, "MLInferenceDriftDetected", TO, "age has drifted", "alertmanager");
  }

  private static Asked regulator(String model) {
    return new Asked(model, Cause.regulator, null, null, "letter 7/26", "cora");
  }

  private Outcome open(Asked asked) {
    return get(registry.retrainings().open(asked, DATASET));
  }

  private long count() {
    return get(
        db.pool
            .query("SELECT count(*) FROM registry.retraining")
            .execute()
            .map(rows -> rows.iterator().next().getLong(0)));
  }

  @Test
  void open_once_hasItsAuditRowWithTriggerAndDataset() {
    Outcome made = open(drift("m"));
    assertThat(made.opened()).isTrue();
    assertThat(made.retraining().name()).isEqualTo("MLRETRAIN-1");
    assertThat(get(registry.audit().find(made.retraining().auditId())))
        .satisfies(
            e -> {
              assertThat(e.action()).isEqualTo("retraining.open");
              assertThat(e.subject()).isEqualTo("MLRETRAIN-1");
              assertThat(e.actor()).isEqualTo("alertmanager");
              assertThat(e.at()).isEqualTo(made.retraining().at());
              assertThat(e.detail())
                  .contains(
                      "\"cause\":\"drift\"",
                      "\"datasetSha256\":\"" + DATASET.sha256() + "\"",
                      "\"datasetRows\":12",
                      "\"since\":\"2026-11-24T22:00:00Z\"");
            });
    assertThat(get(registry.retrainings().list("m", Long.MAX_VALUE, 10)))
        .containsExactly(new Line(made.retraining(), null, true));
    assertThat(get(registry.audit().verify()).intact()).isTrue();
  }

  @Test
  void open_againWhileOneIsOpen_isThatOne() {
    Retraining first = open(drift("m")).retraining();
    Asked budget =
        new Asked("m", Cause.budget, "MLInferenceErrorBudgetBurn", TO, "11 % gone", "alertmanager");
    assertThat(open(budget)).isEqualTo(new Outcome(first, false));
    assertThat(get(registry.retrainings().pending("m", Cause.budget))).hasValue(first);
    assertThat(open(drift("other")).opened()).as("a model of its own").isTrue();
    assertThat(get(registry.audit().list(0, 100))).hasSize(2);
  }

  /** What a regulator asks for is on record whatever drifts, and answers what drifts later. */
  @Test
  void open_byARegulator_waitsForNoAlert() {
    open(drift("m"));
    Outcome asked = open(regulator("m"));
    assertThat(asked.opened()).isTrue();
    assertThat(open(regulator("m"))).isEqualTo(new Outcome(asked.retraining(), false));
    assertThat(open(drift("m"))).isEqualTo(new Outcome(asked.retraining(), false));
    assertThat(count()).isEqualTo(2);
  }

  @Test
  void open_afterATicket_orAfterSevenDays_isANewOne() {
    TicketDatabase on = new TicketDatabase(db);
    assertThat(open(drift(on.model)).opened()).as("its ticket is older").isTrue();
    String answer = on.open("20261125");
    assertThat(get(registry.retrainings().list(on.model, Long.MAX_VALUE, 10)))
        .singleElement()
        .satisfies(
            line -> {
              assertThat(line.answeredBy()).isEqualTo(answer);
              assertThat(line.open()).isFalse();
            });
    assertThat(open(drift(on.model)).opened()).isTrue();
    db.tamper("UPDATE registry.retraining SET at = at - interval '167 hours'");
    db.tamper("UPDATE registry.ticket SET at = at - interval '300 hours'");
    assertThat(open(drift(on.model)).opened()).isFalse();
    db.tamper("UPDATE registry.retraining SET at = at - interval '2 hours'");
    assertThat(open(drift(on.model)).opened()).isTrue();
    assertThat(get(registry.retrainings().list(on.model, 3, 1)).get(0).open()).isFalse();
  }

  /** Each call in a transaction of its own, as from as many replicas. */
  private List<Outcome> openAtOnce(int calls) {
    List<Future<Outcome>> all = new ArrayList<>();
    for (int i = 0; i < calls; i++) {
      RegistryDatabase replica =
          new RegistryDatabase(db.pool, java.time.Duration.ofSeconds(10)); // nothing is shared
      all.add(replica.retrainings().open(drift("m"), DATASET));
    }
    return all.stream().map(TestDatabase::get).toList();
  }

  @Test
  void open_byManyAtOnce_makesOne() {
    List<Outcome> outcomes = openAtOnce(24);
    assertThat(outcomes).filteredOn(Outcome::opened).hasSize(1);
    assertThat(outcomes).extracting(o -> o.retraining().id()).containsOnly(1L);
    assertThat(count()).isEqualTo(1);
  }

  /**
   * The positive control: with neither lock, the same calls make more than one. A pause between
   * looking and adding makes sure that they meet.
   */
  @Test
  void open_byManyAtOnceWithoutTheLock_isSeenToMakeMore() {
    db.sql(
        "DROP TRIGGER retraining_check ON registry.retraining;"
            + " CREATE OR REPLACE FUNCTION registry.lock_retraining(asked text, why text)"
            + " RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE found bigint :="
            + " registry.pending_retraining(asked, why); BEGIN PERFORM pg_sleep(0.2);"
            + " RETURN found; END $$");
    assertThat(openAtOnce(4)).filteredOn(Outcome::opened).hasSizeGreaterThan(1);
    assertThat(count()).isGreaterThan(1);
  }

  /** Past the code: the database's own word, with an audit row and without. */
  @Test
  void database_aSecondRequestOrOneWithoutAudit_isRefused() {
    open(drift("m"));
    String copy =
        "INSERT INTO registry.retraining (model, cause, alert, since, reason, dataset_from,"
            + " dataset_to, dataset_rows, dataset_sha256, actor, at, audit_id) SELECT '%s', cause,"
            + " alert, since, reason, dataset_from, dataset_to, dataset_rows, dataset_sha256, actor,"
            + " clock_timestamp(), audit_id FROM registry.retraining LIMIT 1";
    assertThatThrownBy(() -> db.sql(copy.formatted("m")))
        .hasMessageContaining("MLRETRAIN-1 of m is open, expected none");
    assertThatThrownBy(() -> db.sql(copy.formatted("other")))
        .hasMessageContaining("has no audit row");
    for (String change :
        List.of("UPDATE registry.retraining SET reason = 'x'", "DELETE FROM registry.retraining")) {
      assertThatThrownBy(() -> db.sql(change)).hasMessageContaining("rows are only ever added");
    }
  }

  @Test
  void restrictedRole_hearsAlertsAndOpensRequests() {
    String role = "ml_service_" + db.name;
    db.sql(TestDatabase.restrictedRole().replace("ml_service", role));
    RegistryDatabase restricted = db.as(role);
    Alert alert = new Alert("ab", TO, null, java.util.Map.of("alertname", "n"), null);
    get(restricted.alerts().put(List.of(alert)));
    get(restricted.alerts().put(List.of(alert)));
    assertThat(get(restricted.retrainings().open(drift("m"), DATASET)).opened()).isTrue();
    assertThat(get(restricted.retrainings().open(drift("m"), DATASET)).opened()).isFalse();
    assertThat(get(restricted.changeNotes().lease("me", java.time.Duration.ofMinutes(1)))).isTrue();
    get(restricted.changeNotes().done(1));
    db.sql("ALTER TABLE registry.retraining DISABLE TRIGGER USER"); // the rights alone
    for (String change :
        List.of("UPDATE registry.retraining SET reason = 'x'", "DELETE FROM registry.retraining")) {
      assertThatThrownBy(() -> db.sql("SET ROLE " + role + "; " + change))
          .hasMessageContaining("permission denied");
    }
  }

  @Test
  void asked_bounds_areChecked() {
    assertThatThrownBy(() -> new Asked("M!", Cause.drift, "a", TO, "r", "b"))
        .hasMessageContaining("model id");
    assertThatThrownBy(() -> new Asked("m", Cause.drift, "a", TO, " ", "b"))
        .hasMessageContaining("reason");
    assertThatThrownBy(() -> new Dataset(TO, TO, 0, DATASET.sha256()))
        .hasMessageContaining("ends after it begins");
    assertThatThrownBy(() -> new Dataset(TO.minusSeconds(1), TO, 0, "ab"))
        .hasMessageContaining("SHA-256");
  }
}
