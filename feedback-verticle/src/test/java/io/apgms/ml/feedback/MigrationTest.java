package io.apgms.ml.feedback;

import static io.apgms.ml.feedback.CopyTupleTest.assertSame;
import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.sqlclient.Tuple;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class MigrationTest {
  private static final UUID OLD = UUID.fromString("01a20ac0-2fdf-72ca-8e6c-7ba0a2e5555e");

  @Test
  void migrate_databaseOfVersionOne_keepsItsRowsAndTakesExplanations() {
    TestDatabase database = new TestDatabase("1");
    database.sql(
        "INSERT INTO feedback.decision VALUES ('"
            + OLD
            + "', now(), 'm', '20261123', 'd1', '{1,2}', NULL, 0.9, 0.5, true, false, false,"
            + " 'env', 0, NULL, 'e1')");
    database.migrate("latest");
    assertSame(stored(database, OLD)).isEqualTo(Decisions.plain(OLD, true, false));
    Decisions decisions = new Decisions(17);
    GroupCommit commits = database.commits();
    for (int i = 0; i < 10; i++) {
      Decision decision = decisions.next();
      TestDatabase.get(commits.commit(decision));
      assertSame(stored(database, decision.id())).isEqualTo(decision);
    }
  }

  /** A replica that was not upgraded yet goes on beside one that was. */
  @Test
  void migrate_replicaOfTheVersionBefore_stillInserts() {
    TestDatabase database = new TestDatabase();
    database.sql(
        "INSERT INTO feedback.decision SELECT '"
            + OLD
            + "'::uuid, now(), 'm', '20261123', 'd1', '{1,2}'::real[], NULL, 0.9, 0.5, true, false,"
            + " false, 'env', 0, NULL, 'e1'");
    assertThat(stored(database, OLD).explained()).isNull();
  }

  private static Decision stored(TestDatabase database, UUID id) {
    String sql = "SELECT " + DecisionRows.COLUMNS + " FROM feedback.decision d WHERE id = $1";
    return DecisionRows.decision(
        TestDatabase.get(database.db.read(sql, Tuple.of(id))).iterator().next());
  }
}
