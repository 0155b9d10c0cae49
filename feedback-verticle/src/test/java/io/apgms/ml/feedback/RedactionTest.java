package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RedactionTest {
  private static final Instant NOON = Instant.parse("2026-11-23T12:00:00Z");
  private static final byte[] HASH = {1};

  @TempDir Path dir;
  private final TestDatabase database = new TestDatabase();
  private final Decisions ids = new Decisions(41);
  private final List<String> log = new ArrayList<>();
  private Spool spool;
  private Shipper shipper;
  private Labels labels;
  private DecisionProofs proofs;
  private Redactions redactions;

  @BeforeEach
  void open() {
    spool = Spool.open(dir.resolve("spool"), 1 << 20);
    labels = new Labels(database.db, spool, TestDatabase.SPOOLS, (label, source) -> {});
    proofs = new DecisionProofs(database.db, spool, TestDatabase.SPOOLS);
    shipper = database.shipper(spool);
    redactions =
        new Redactions(Vertx.vertx(), spool, shipper, database.options(dir.resolve("spool")));
  }

  @AfterEach
  void close() throws InterruptedException {
    assertThat(shipper.stop()).isTrue();
    spool.close();
  }

  private UUID decided(Instant at, String requestId) {
    UUID id = ids.id(at.toEpochMilli());
    TestDatabase.get(
        database
            .commits()
            .commit(
                Decisions.requested(id, true, false, requestId, requestId == null ? null : HASH)));
    return id;
  }

  private void labelled(UUID prediction, String submittedBy, String key) {
    TestDatabase.get(
        labels.record(
            new NewLabel(
                prediction,
                "m",
                "20261123",
                NewLabel.Label.TRUE_POSITIVE,
                NewLabel.Source.FINANCE,
                submittedBy,
                "secret notes",
                "{\"secret\":1}",
                NOON),
            new Labels.Key(submittedBy, key, HASH)));
  }

  private static Redactions.Person entity(String name) {
    return new Redactions.Person(name, List.of(), null);
  }

  private Redactions.Round redact(Redactions.Person person) {
    return TestDatabase.get(
        database.pool.withTransaction(
            c ->
                redactions.redact(
                    c,
                    person,
                    round -> {
                      log.add(Redactions.detail(round).toString());
                      return Future.succeededFuture((long) log.size());
                    })));
  }

  private String text(String sql) {
    return String.valueOf(
        TestDatabase.get(database.pool.query(sql).execute()).iterator().next().getValue(0));
  }

  private Throwable proof(UUID id) {
    return proofs.of(id).toCompletionStage().handle((p, e) -> e).toCompletableFuture().join();
  }

  /** A seal, as the audit's verticle makes it. */
  private void seal() {
    TestDatabase.get(
        database.pool.withTransaction(
            c -> DecisionSeals.seal(c, 4_096, s -> Future.succeededFuture(7L))));
  }

  @Test
  void redact_entity_replacesItInEveryTableAndKeepsTheJoins() {
    UUID first = decided(NOON, "secret-request");
    UUID second = decided(NOON.plusSeconds(1), null);
    database.sql("UPDATE feedback.decision SET groups = '{\"sex\":\"secret\",\"a\\\"b\":\"c\"}'");
    labelled(first, "ann", "secret-key");
    labelled(first, "e1", null);
    database.sql(
        "WITH o AS (INSERT INTO feedback.action_outbox (prediction_id, kind) VALUES ('"
            + first
            + "', 'hold') RETURNING id) INSERT INTO feedback.action_delivery (outbox_id, sink,"
            + " order_key, give_up_at) SELECT id, 's', hashtextextended('e1', 0), now() FROM o");
    Redactions.Round round = redact(entity("e1"));
    assertThat(text("SELECT count(DISTINCT order_key) FROM feedback.action_delivery"))
        .isEqualTo("1");
    assertThat(text("SELECT order_key FROM feedback.action_delivery LIMIT 1"))
        .isEqualTo(text("SELECT hashtextextended(entity_id, 0) FROM feedback.decision LIMIT 1"))
        .isNotEqualTo(text("SELECT hashtextextended('e1', 0)"));
    assertThat(round.decisions()).isEqualTo(2);
    assertThat(round.labels()).isEqualTo(2);
    assertThat(round.requests()).isEqualTo(1);
    assertThat(round.more()).isFalse();
    for (String table : List.of("decision", "model_feedback", "request", "export")) {
      assertThat(
              database.count(
                  "feedback." + table + " t WHERE t::text LIKE '%secret%' OR t::text ~ '\\me1\\M'"))
          .as(table)
          .isZero();
    }
    assertThat(text("SELECT count(DISTINCT entity_id) FROM feedback.decision")).isEqualTo("1");
    assertThat(text("SELECT entity_id FROM feedback.decision LIMIT 1"))
        .matches("p2026Q4-[0-9a-f]{32}")
        .isEqualTo(
            text("SELECT submitted_by FROM feedback.model_feedback WHERE submitted_by <> 'ann'"));
    assertThat(
            text(
                "SELECT count(*) FROM feedback.request r JOIN feedback.decision d"
                    + " ON d.request_id = r.request_id AND d.id = r.prediction_id"))
        .isEqualTo("1");
    assertThat(text("SELECT groups FROM feedback.decision WHERE id = '" + second + "'"))
        .matches("\\{\"sex\":\"p2026Q4-[0-9a-f]{32}\",\"a\\\\\"b\":\"p2026Q4-[0-9a-f]{32}\"}");
    assertThat(log).singleElement().asString().doesNotContain("secret", "e1");
    // Again: nothing is left of that name, and nothing is replaced twice.
    assertThat(redact(entity("e1")).decisions()).isZero();
    assertThat(redact(new Redactions.Person(null, List.of(first, second), null)).labels()).isZero();
    assertThat(log).hasSize(1);
  }

  @Test
  void redact_submitter_replacesTheirLabelsAlone() {
    UUID id = decided(NOON, null);
    labelled(id, "ann", "k1");
    labelled(id, "bob", "k2");
    Redactions.Round round = redact(new Redactions.Person(null, List.of(), "ann"));
    assertThat(round.labels()).isEqualTo(1);
    assertThat(round.decisions()).isZero();
    assertThat(database.count("feedback.model_feedback t WHERE t::text ~ '\\mann\\M'")).isZero();
    assertThat(database.count("feedback.model_feedback WHERE submitted_by = 'bob'")).isEqualTo(1);
    assertThat(database.count("feedback.decision WHERE entity_id = 'e1'")).isEqualTo(1);
  }

  @Test
  void redact_entityThenWhoLabelledIt_replacesEachOnce() {
    labelled(decided(NOON, null), "ann", "k1");
    redact(entity("e1"));
    String notes = text("SELECT notes FROM feedback.model_feedback");
    assertThat(redact(new Redactions.Person(null, List.of(), "ann")).labels()).isEqualTo(1);
    assertThat(text("SELECT notes FROM feedback.model_feedback")).isEqualTo(notes);
    assertThat(text("SELECT submitted_by FROM feedback.model_feedback")).startsWith("p2026Q4-");
    assertThat(database.count("feedback.model_feedback t WHERE t::text ~ '\\mann\\M'")).isZero();
  }

  @Test
  void look_changesNothing() {
    labelled(decided(NOON, "r"), "ann", null);
    String before = text("SELECT md5(string_agg(t::text, '')) FROM feedback.decision t");
    Redactions.Round found =
        TestDatabase.get(database.pool.withTransaction(c -> redactions.look(c, entity("e1"))));
    assertThat(found.decisions()).isEqualTo(1);
    assertThat(found.labels()).isEqualTo(1);
    assertThat(text("SELECT md5(string_agg(t::text, '')) FROM feedback.decision t"))
        .isEqualTo(before);
  }

  @Test
  void proof_ofARedactedDecision_saysSoAndAnAlteredOneIsStillFound() {
    UUID redacted = decided(NOON, "r");
    UUID altered = decided(NOON.plusSeconds(1), null);
    UUID alteredBefore = decided(NOON.plusSeconds(2), null);
    seal();
    assertThat(proof(redacted)).isNull();
    database.sql("UPDATE feedback.decision SET score = 0.6 WHERE id = '" + alteredBefore + "'");
    Redactions.Round round = redact(entity("e1"));
    assertThat(round.altered()).isEqualTo(1);
    assertThat(proof(redacted))
        .isInstanceOfSatisfying(
            FeedbackException.Redacted.class,
            e -> {
              assertThat(e.seq()).isEqualTo(1);
              assertThat(e.leafRoot()).isEqualTo(round.leafRoot());
            });
    assertThat(proof(alteredBefore)).isInstanceOf(FeedbackException.Altered.class);
    database.sql("UPDATE feedback.decision SET score = 0.6 WHERE id = '" + altered + "'");
    assertThat(proof(altered)).isInstanceOf(FeedbackException.Altered.class);
    // Who also writes the leaf anew is found by the root that the audit log holds.
    database.sql(
        "UPDATE feedback.redaction_leaf SET leaf = sha256('x') WHERE prediction_id = '"
            + altered
            + "'");
    assertThat(proof(redacted))
        .isInstanceOfSatisfying(
            FeedbackException.Redacted.class,
            e -> assertThat(e.leafRoot()).isNotEqualTo(round.leafRoot()));
  }

  @Test
  void redact_moreThanOneRound_goesOn() {
    database.sql(
        "INSERT INTO feedback.decision (id, at, model_id, model_version, model_digest, features,"
            + " score, threshold, review, act, enforced, mode_source, flag_age_ms, entity_id)"
            + " SELECT ('019a8f2b-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, now(), 'm',"
            + " '20261123', 'd1', '{1}', 0.9, 0.5, true, false, false, 'file', 0, 'many'"
            + " FROM generate_series(1, 700) i");
    assertThat(redact(entity("many")).more()).isTrue();
    assertThat(redact(entity("many")).decisions()).isEqualTo(200);
    assertThat(database.count("feedback.decision WHERE entity_id = 'many'")).isZero();
  }

  @Test
  void redact_exportThatHeldTheLabel_isNamed() {
    UUID id = decided(NOON, null);
    labelled(id, "ann", null);
    database.sql(
        "INSERT INTO feedback.export (id, actor, format, from_id, to_id, model_id) VALUES"
            + " (gen_random_uuid(), 'dan', 'csv', '00000000-0000-7000-8000-000000000000',"
            + " 'ffffffff-0000-7000-8000-000000000000', 'm'),"
            + " (gen_random_uuid(), 'eve', 'csv', '00000000-0000-7000-8000-000000000000',"
            + " 'ffffffff-0000-7000-8000-000000000000', 'other')");
    assertThat(redact(entity("e1")).exports())
        .extracting(Redactions.Export::actor)
        .containsExactly("dan");
  }

  @Test
  void redact_logRefuses_replacesNothing() {
    decided(NOON, null);
    assertThatThrownBy(
            () ->
                TestDatabase.get(
                    database.pool.withTransaction(
                        c ->
                            redactions.redact(
                                c, entity("e1"), r -> Future.failedFuture("log away")))))
        .hasMessageContaining("log away");
    assertThat(database.count("feedback.decision WHERE entity_id = 'e1'")).isEqualTo(1);
  }

  @Test
  void pseudonym_keyDestroyed_isAnotherOneEverAfter() throws Exception {
    Path keys = dir.resolve("keys");
    String first = new PseudonymKeys(keys).pseudonym("2026Q4", "person", "ann");
    assertThat(new PseudonymKeys(keys).pseudonym("2026Q4", "person", "ann")).isEqualTo(first);
    assertThat(new PseudonymKeys(keys).pseudonym("2027Q1", "person", "ann"))
        .isNotEqualTo(first.replace("2026Q4", "2027Q1"));
    assertThat(new PseudonymKeys(keys).pseudonym("2026Q4", "notes", "ann")).isNotEqualTo(first);
    assertThat(Files.getPosixFilePermissions(keys.resolve("2026Q4.key"))).hasSize(2);
    Files.delete(keys.resolve("2026Q4.key"));
    assertThat(new PseudonymKeys(keys).pseudonym("2026Q4", "person", "ann")).isNotEqualTo(first);
    assertThat(PseudonymKeys.period(ids.id(Instant.parse("2026-12-31T23:59:59Z").toEpochMilli())))
        .isEqualTo("2026Q4");
  }

  @Test
  void rewrite_afterRowsWereRemoved_noFileHoldsThem() throws Exception {
    Path files = dir.resolve("other");
    try (Spool other = Spool.open(files, 1 << 20)) {
      Decision decision =
          Decisions.requested(ids.id(NOON.toEpochMilli()), true, false, "r-goes", HASH);
      Decision stays =
          Decisions.requested(ids.id(NOON.toEpochMilli()), true, false, "r-stays", HASH);
      other.append(List.of(decision, stays));
      other.remove(List.of(other.row(decision.id())));
      assertThat(holds(files, "r-goes")).isTrue();
      other.rewrite();
      assertThat(holds(files, "r-goes")).isFalse();
      other.remove(List.of(other.row(stays.id())));
      assertThat(holds(files, "r-stays")).isTrue();
      other.rewrite();
      assertThat(holds(files, "r-stays")).isFalse();
      assertThat(holds(files, "r-goes")).isFalse();
    }
  }

  private static boolean holds(Path files, String text) throws Exception {
    try (var all = Files.walk(files)) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        if (new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).contains(text)) {
          return true;
        }
      }
    }
    return false;
  }
}
