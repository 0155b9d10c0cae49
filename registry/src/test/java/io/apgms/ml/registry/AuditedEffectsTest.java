package io.apgms.ml.registry;

import static io.apgms.ml.registry.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What an operator can bring about, and the audit row that is there first. */
class AuditedEffectsTest {
  private static final String OLD = "sha256:" + "1".repeat(64);
  private static final String NEW = "sha256:" + "2".repeat(64);

  private TestDatabase database;
  private RegistryDatabase registry;

  /**
   * Beside the triggers that are shipped, some that are stricter: the row is there before the very
   * statement, where the pointer's first insert alone may come earlier.
   */
  @BeforeEach
  void freshDatabase() {
    database = new TestDatabase();
    registry = database.registry;
    database.sql(
        "CREATE TABLE seen (n serial, what text); CREATE FUNCTION first() RETURNS trigger LANGUAGE"
            + " plpgsql AS $$ BEGIN IF NOT EXISTS (SELECT 1 FROM registry.audit_log WHERE"
            + " xmin = pg_current_xact_id()::xid) THEN RAISE EXCEPTION 'effect before its audit"
            + " row'; END IF; INSERT INTO seen (what) VALUES (TG_OP || ' ' || TG_TABLE_NAME);"
            + " RETURN coalesce(new, old); END $$;"
            + " CREATE TRIGGER a BEFORE INSERT ON registry.deployment FOR EACH ROW EXECUTE"
            + " FUNCTION first();"
            + " CREATE TRIGGER a BEFORE UPDATE OR DELETE ON registry.pointer FOR EACH ROW EXECUTE"
            + " FUNCTION first();"
            + " CREATE TRIGGER a BEFORE INSERT OR UPDATE OR DELETE ON registry.forced_mode FOR"
            + " EACH ROW EXECUTE FUNCTION first()");
  }

  private void bootstrap() {
    List<VersionDigest> versions =
        List.of(
            new VersionDigest("20261116", OLD, List.of()),
            new VersionDigest("20261123", NEW, List.of()));
    get(registry.deployments().bootstrap("m", versions, "shipped"));
  }

  @Test
  void effects_allOfThem_haveTheirAuditRowFirst() {
    bootstrap();
    RollbackCommand back = new RollbackCommand("m", "ann", "bad", null, null, null, null);
    get(registry.deployments().rollback(back));
    get(registry.deployments().pin("m", "20261116", OLD, "ann", "hold"));
    get(registry.deployments().unpin("m", "ann", "over"));
    get(registry.forcedModes().force("ann", "bad", "m", Duration.ofHours(1)));
    get(registry.forcedModes().force("ann", "bad", "m", null));
    get(registry.forcedModes().lift("ann", "m", "over"));
    List<AuditEntry> log = get(registry.audit().list(0, 100));
    assertThat(log)
        .extracting(AuditEntry::action)
        .containsExactly(
            "bootstrap",
            "bootstrap",
            "rollback",
            "pin",
            "unpin",
            "mode.force",
            "mode.force",
            "mode.lift");
    assertThat(effects())
        .containsExactly(
            "INSERT deployment",
            "INSERT deployment",
            "INSERT deployment",
            "UPDATE pointer",
            "INSERT deployment",
            "UPDATE pointer",
            "UPDATE pointer",
            "INSERT forced_mode",
            "INSERT forced_mode",
            "UPDATE forced_mode",
            "DELETE forced_mode");
    assertThat(get(registry.deployments().history("m")))
        .allSatisfy(
            d -> assertThat(get(registry.audit().find(d.auditId())).at()).isEqualTo(d.at()));
    assertThat(get(registry.audit().verify()).intact()).isTrue();
  }

  private List<String> effects() {
    return Rows.list(
        get(database.pool.query("SELECT what FROM seen ORDER BY n").execute()),
        r -> r.getString(0));
  }

  private void asShipped() {
    database.sql(
        "DROP TRIGGER a ON registry.deployment; DROP TRIGGER a ON registry.pointer;"
            + " DROP TRIGGER a ON registry.forced_mode");
  }

  /** The planted violation: the same effects without a row are refused by what is shipped. */
  @Test
  void effect_withoutAnAuditRow_isNotCommitted() {
    bootstrap();
    get(registry.forcedModes().force("ann", "bad", "m", null));
    asShipped();
    for (String effect :
        List.of(
            "UPDATE registry.pointer SET revision = 1",
            "UPDATE registry.pointer SET pin_actor = 'x', pin_reason = 'x', pinned_at = now()",
            "DELETE FROM registry.pointer",
            "INSERT INTO registry.deployment SELECT 'other', revision, version, digest, kind,"
                + " from_version, NULL, actor, at, reason, NULL, NULL, audit_id"
                + " FROM registry.deployment; INSERT INTO registry.pointer SELECT 'other', revision, version, digest, NULL, NULL,"
                + " NULL, now() FROM registry.pointer",
            "INSERT INTO registry.deployment SELECT model, 3, version, digest, 'pin', version, NULL,"
                + " 'x', now(), 'x', NULL, NULL, audit_id FROM registry.deployment"
                + " WHERE revision = 2",
            "UPDATE registry.forced_mode SET expires_at = now()",
            "DELETE FROM registry.forced_mode",
            "INSERT INTO registry.forced_mode SELECT '*', reason, actor, set_at, NULL, audit_id"
                + " FROM registry.forced_mode")) {
      assertThatThrownBy(() -> database.sql(effect))
          .as(effect)
          .hasMessageContaining("no audit row");
    }
  }

  /** The role that the service can run as, without the rights of the tables' owner. */
  @Test
  void restrictedRole_changesNoRowOfTheLog_andGoesOnAppending() {
    bootstrap();
    asShipped();
    String role = "ml_service_" + database.name;
    database.sql(TestDatabase.restrictedRole().replace("ml_service", role));
    database.sql("ALTER TABLE registry.audit_log DISABLE TRIGGER USER"); // the rights alone
    for (String change :
        List.of(
            "UPDATE registry.audit_log SET actor = 'bob'",
            "DELETE FROM registry.audit_log",
            "TRUNCATE registry.audit_log CASCADE",
            "UPDATE registry.deployment SET reason = 'x'",
            "DELETE FROM registry.approval",
            "UPDATE registry.approval SET actor = 'x'",
            "UPDATE registry.ticket SET author = 'x'",
            "DELETE FROM registry.deployment",
            "DELETE FROM registry.audit_head",
            "INSERT INTO registry.audit_head VALUES (false, 1, repeat('0', 64))",
            "ALTER TABLE registry.audit_log ENABLE TRIGGER USER",
            "DROP TRIGGER pointer_audited ON registry.pointer",
            "SET session_replication_role = replica")) {
      assertThatThrownBy(() -> database.sql("SET ROLE " + role + "; " + change))
          .as(change)
          .hasMessageMatching("(?s).*(permission denied|must be owner).*");
    }
    database.sql("ALTER TABLE registry.audit_log ENABLE TRIGGER USER");
    RegistryDatabase restricted = database.as(role);
    get(restricted.deployments().pin("m", "20261123", NEW, "ann", "hold"));
    get(restricted.deployments().unpin("m", "ann", "over"));
    get(restricted.forcedModes().force("ann", "bad", null, null));
    get(restricted.forcedModes().lift("ann", null, "over"));
    get(restricted.audit().append(new AuditRecord("ann", "x", "y", Map.of())));
    assertThat(get(restricted.audit().verify()).intactRows()).isEqualTo(7);
  }

  @Test
  void restrictedRole_approvesAndPromotes() {
    asShipped();
    String role = "ml_service_" + database.name;
    database.sql(TestDatabase.restrictedRole().replace("ml_service", role));
    TicketDatabase on = new TicketDatabase(database, database.as(role));
    on.approveAll(on.name, TicketDatabase.NEXT);
    assertThat(get(on.promote(on.name, TicketDatabase.NEXT, "dora", 1)).revision()).isEqualTo(2);
    assertThatThrownBy(
            () -> database.sql("SET ROLE " + role + "; UPDATE registry.ticket SET at = now()"))
        .hasMessageContaining("rows are only ever added");
  }

  /** Every row of a log in PostgreSQL, edited, deleted, moved, doubled or cut by a superuser. */
  @Test
  void verify_randomEditsOfTheTable_areAllFoundWithTheExportedHead() throws Exception {
    for (int i = 0; i < 30; i++) {
      get(registry.audit().append(new AuditRecord("ann", "x", "m", Map.of("n", i))));
    }
    AuditHead exported = get(registry.audit().head());
    SplittableRandom random = new SplittableRandom(20261124);
    try (var connection = database.connect();
        var sql = connection.createStatement()) {
      sql.execute("SET session_replication_role = replica");
      sql.execute("CREATE TEMP TABLE kept AS SELECT * FROM registry.audit_log");
      int cuts = 0;
      for (int i = 0; i < 1_000; i++) {
        String edit = edit(random);
        sql.execute(edit);
        boolean alone = get(registry.audit().verify()).intact();
        cuts += alone ? 1 : 0;
        assertThat(alone)
            .as("edit %d without a head: %s", i, edit)
            .isEqualTo(edit.contains("head"));
        assertThat(get(registry.audit().verify(exported)).intact()).as("edit %d", i).isFalse();
        sql.execute(
            "DELETE FROM registry.audit_log; INSERT INTO registry.audit_log SELECT * FROM kept;"
                + " UPDATE registry.audit_head SET seq = 30, hash = '"
                + exported.hash()
                + "'");
      }
      assertThat(cuts).as("cuts that pass without the exported head").isPositive();
    }
    assertThat(get(registry.audit().verify(exported)).intact()).isTrue();
  }

  private static String edit(SplittableRandom random) {
    int seq = 1 + random.nextInt(30);
    int other = 1 + (seq + random.nextInt(29)) % 30;
    String[] sets = {
      "id = gen_random_uuid()",
      "at = at + interval '1 microsecond'",
      "actor = 'bob'",
      "action = action || 'x'",
      "subject = 'n'",
      "detail = detail || ' '",
      "prev_hash = repeat('a', 64)",
      "hash = repeat('a', 64)",
      "seq = seq + 100"
    };
    String update = "UPDATE registry.audit_log SET ";
    String where = " WHERE seq = " + seq;
    return switch (random.nextInt(5)) {
      case 0 -> "DELETE FROM registry.audit_log" + where;
      case 1 ->
          "DELETE FROM registry.audit_log WHERE seq >= "
              + seq
              + "; UPDATE registry.audit_head SET seq = "
              + (seq - 1)
              + ", hash = coalesce((SELECT hash FROM registry.audit_log WHERE seq = "
              + (seq - 1)
              + "), repeat('0', 64))";
      case 2 ->
          update
              + "seq = 999"
              + where
              + "; "
              + update
              + "seq = "
              + seq
              + " WHERE seq = "
              + other
              + "; "
              + update
              + "seq = "
              + other
              + " WHERE seq = 999";
      case 3 ->
          "INSERT INTO registry.audit_log SELECT 31, gen_random_uuid(), at, actor, action, subject,"
              + " detail, prev_hash, hash FROM registry.audit_log"
              + where;
      default -> update + sets[random.nextInt(sets.length)] + where;
    };
  }
}
