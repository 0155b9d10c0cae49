package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.Future;
import io.vertx.sqlclient.Tuple;
import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.postgresql.PGConnection;

class DecisionProofTest {
  private static final Duration BOUND = Duration.ofSeconds(20);

  @TempDir Path dir;
  private final TestDatabase database = new TestDatabase();
  private final Decisions decisions = new Decisions(29);
  private final List<DecisionSeals.Seal> chain = new ArrayList<>();
  private final AtomicLong seq = new AtomicLong();
  private Spool spool;
  private Shipper shipper;
  private DecisionProofs proofs;

  @BeforeEach
  void open() {
    spool = Spool.open(dir, 64 << 20);
    shipper = database.shipper(spool);
    proofs = new DecisionProofs(database.db, spool, TestDatabase.SPOOLS);
  }

  @AfterEach
  void close() throws Exception {
    if (shipper.stop()) {
      spool.close();
    }
  }

  private void ship(List<Decision> some) throws InterruptedException {
    spool.append(some);
    assertThat(shipper.flush(BOUND)).as("shipped in time").isTrue();
  }

  /** Into a chain that is a list: seq 1 is its first. */
  private int seal() {
    return TestDatabase.get(
            database.pool.withTransaction(
                c ->
                    DecisionSeals.seal(
                        c,
                        DecisionSeals.MAX_BATCHES,
                        seal -> {
                          chain.add(seal);
                          return Future.succeededFuture(seq.incrementAndGet());
                        })))
        .map(DecisionSeals.Seal::batches)
        .orElse(0);
  }

  private boolean proved(UUID id) {
    try {
      DecisionProof proof = TestDatabase.get(proofs.of(id));
      boolean known = proof.seal() >= 1 && proof.seal() <= chain.size();
      return known && Arrays.equals(proof.root(), chain.get((int) proof.seal() - 1).root());
    } catch (FeedbackException | IllegalArgumentException e) {
      return false;
    }
  }

  @Test
  void proof_ofEveryWayIn_leadsToTheSealedRoot() throws Exception {
    List<Decision> shipped = decisions.list(2_500);
    ship(shipped);
    List<Decision> committed = decisions.list(40);
    GroupCommit commits = database.commits();
    committed.stream().map(commits::commit).toList().forEach(TestDatabase::get);
    assertThat(seal()).isGreaterThanOrEqualTo(3);
    assertThat(seal()).as("each is sealed once").isZero();
    ship(decisions.list(5));
    assertThat(seal()).isEqualTo(1);
    for (int i = 0; i < shipped.size(); i += 71) {
      assertThat(proved(shipped.get(i).id())).isTrue();
    }
    committed.forEach(d -> assertThat(proved(d.id())).isTrue());
    assertThat(chain.stream().mapToInt(DecisionSeals.Seal::decisions).sum()).isEqualTo(2_545);
  }

  /** What is hashed before it is sent, and what PostgreSQL gives afterwards. */
  @Test
  void leaf_ofEveryShape_isTheRowAsBinaryCopyGivesIt() throws Exception {
    List<Decision> some = decisions.list(300);
    ship(some.subList(0, 150));
    GroupCommit commits = database.commits();
    some.subList(150, 300).stream().map(commits::commit).toList().forEach(TestDatabase::get);
    seal();
    try (var connection = java.sql.DriverManager.getConnection(database.url(), "postgres", "")) {
      var copies = connection.unwrap(PGConnection.class).getCopyAPI();
      for (Decision d : some) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        copies.copyOut(
            "COPY (SELECT "
                + CopyTuple.NAMES
                + " FROM feedback.decision WHERE id = '"
                + d.id()
                + "') TO STDOUT (FORMAT binary)",
            out);
        byte[] row = Arrays.copyOfRange(out.toByteArray(), 19, out.size() - 2);
        assertThat(row).isEqualTo(CopyTuple.encode(d));
        assertThat(TestDatabase.get(proofs.of(d.id())).leaf()).isEqualTo(row);
      }
    }
  }

  @Test
  void proof_ofALabelledDecisionThatWaited_isThere() throws Exception {
    assertThat(shipper.stop()).isTrue();
    Decision waiting = Decisions.plain(decisions.id(System.currentTimeMillis()), true, false);
    spool.append(List.of(waiting));
    assertThatThrownBy(() -> TestDatabase.get(proofs.of(waiting.id())))
        .isInstanceOf(FeedbackException.NotSealed.class);
    NewLabel label =
        new NewLabel(
            waiting.id(),
            "m",
            "20261123",
            NewLabel.Label.TRUE_POSITIVE,
            NewLabel.Source.OPERATOR,
            "ann",
            null,
            null,
            Instant.now());
    Labels labels = new Labels(database.db, spool, TestDatabase.SPOOLS, (l, s) -> {});
    TestDatabase.get(labels.record(label, new Labels.Key("ann", null, new byte[32])));
    assertThatThrownBy(() -> TestDatabase.get(proofs.of(waiting.id())))
        .isInstanceOf(FeedbackException.NotSealed.class);
    seal();
    assertThat(proved(waiting.id())).isTrue();
    shipper = database.shipper(spool);
    ship(decisions.list(10)); // the twin is passed over
    assertThat(seal()).isEqualTo(1);
    assertThat(chain.get(1).decisions()).isEqualTo(10);
    assertThat(proved(waiting.id())).isTrue();
  }

  @Test
  void batch_ofARequestIdThatCameTwice_holdsOneLeafOfIt() {
    GroupCommit commits = database.commits();
    List<Future<Decision>> answers = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      UUID id = decisions.id(System.currentTimeMillis());
      answers.add(commits.commit(Decisions.requested(id, true, true, "r" + i / 2, new byte[1])));
    }
    answers.forEach(TestDatabase::get);
    seal();
    assertThat(chain.get(0).decisions()).isEqualTo(25);
    answers.forEach(a -> assertThat(proved(TestDatabase.get(a).id())).isTrue());
  }

  @Test
  void seal_moreThanOneTakes_saysSoAndLeavesTheRest() throws Exception {
    GroupCommit commits = database.commits();
    for (int i = 0; i < 5; i++) {
      TestDatabase.get(commits.commit(decisions.next()));
    }
    for (int expected : new int[] {2, 2, 1}) {
      DecisionSeals.Seal seal =
          TestDatabase.get(
                  database.pool.withTransaction(
                      c -> DecisionSeals.seal(c, 2, s -> Future.succeededFuture(1L))))
              .orElseThrow();
      assertThat(seal.batches()).isEqualTo(expected);
      assertThat(seal.more()).isEqualTo(expected == 2);
    }
    database.sql(
        "INSERT INTO feedback.decision_batch (id, leaves) SELECT 1000 + n, decode(repeat('00',"
            + " 64000), 'hex') FROM generate_series(1, 70) n");
    DecisionSeals.Seal full =
        TestDatabase.get(
                database.pool.withTransaction(
                    c -> DecisionSeals.seal(c, 4_096, s -> Future.succeededFuture(1L))))
            .orElseThrow();
    assertThat(full.more()).isTrue();
    assertThat(full.decisions()).isEqualTo(130_000);
  }

  @Test
  void seal_entryNotKept_marksNothing() throws Exception {
    ship(decisions.list(3));
    assertThatThrownBy(
            () ->
                TestDatabase.get(
                    database.pool.withTransaction(
                        c ->
                            DecisionSeals.seal(
                                c, 9, s -> Future.failedFuture(new IllegalStateException("no"))))))
        .hasMessage("no");
    assertThat(seal()).isEqualTo(1);
  }

  @Test
  void proof_unknownOrOfTheVersionBefore_saysSo() {
    UUID id = decisions.id(System.currentTimeMillis());
    assertThatThrownBy(() -> TestDatabase.get(proofs.of(id)))
        .isInstanceOf(FeedbackException.NotFound.class);
    database.sql(
        "INSERT INTO feedback.decision VALUES ('"
            + id
            + "', now(), 'm', 'v', 'd', '{}', null, 0, 0, false, false, false, 'file', 0, null, null)");
    assertThatThrownBy(() -> TestDatabase.get(proofs.of(id)))
        .isInstanceOf(FeedbackException.NotSealed.class)
        .hasMessageContaining("in no batch");
  }

  /** One column of a row at a time, as a superuser may; the neighbours' proofs go on to hold. */
  @Test
  void proof_thousandRandomEdits_eachFailsItsOwnAlone() throws Exception {
    List<Decision> some = decisions.list(300);
    ship(some);
    seal();
    SplittableRandom random = new SplittableRandom(20261124);
    try (var connection = java.sql.DriverManager.getConnection(database.url(), "postgres", "");
        var sql = connection.createStatement()) {
      sql.execute("CREATE TEMP TABLE kept AS SELECT * FROM feedback.decision");
      for (int i = 0; i < 1_000; i++) {
        UUID id = some.get(random.nextInt(some.size())).id();
        String edit = edit(random) + " WHERE id = '" + id + "'";
        sql.execute(edit);
        assertThat(proved(id)).as("edit %d: %s", i, edit).isFalse();
        UUID other = some.get(random.nextInt(some.size())).id();
        assertThat(proved(other)).as("edit %d of another", i).isEqualTo(!other.equals(id));
        sql.execute(
            ("DELETE FROM feedback.decision WHERE id = '?'; INSERT INTO feedback.decision"
                    + " SELECT * FROM kept WHERE id = '?'")
                .replace("?", id.toString()));
        assertThat(proved(id)).as("edit %d undone", i).isTrue();
      }
    }
  }

  /** What changes any row's bytes. */
  private static String edit(SplittableRandom random) {
    String[] sets = {
      "at = at + interval '1 microsecond'",
      "model_id = model_id || 'x'",
      "model_version = 'v' || model_version",
      "model_digest = upper(model_digest) || '0'",
      "features = features || 1::real",
      "features = '[0:1]={1,2}'::real[]",
      "groups = CASE WHEN groups IS NULL THEN '{}' END",
      "groups = coalesce(groups, '') || ' '",
      "score = CASE WHEN score > 0.5 THEN score - 1e-15 ELSE score + 1e-15 END",
      "threshold = threshold + 1e-12",
      "review = NOT review, act = true, enforced = false",
      "act = NOT act, enforced = false",
      "mode_source = 'env'",
      "flag_age_ms = flag_age_ms + 1",
      "request_id = 'r'",
      "entity_id = CASE WHEN entity_id IS NULL THEN '' END",
      "contributions = coalesce(contributions, '{}') || 'NaN'::real",
      "baseline = coalesce(baseline, 0) + 0.1",
      "standard_error = CASE WHEN standard_error IS NULL THEN 0 END",
      "rows_scored = coalesce(rows_scored, 0) + 1",
      "leaf = leaf + 1",
      "leaf = NULL",
      "leaf = -1",
      "batch = batch + 1",
      "batch = NULL"
    };
    int one = random.nextInt(sets.length + 1);
    return one == sets.length
        ? "DELETE FROM feedback.decision"
        : "UPDATE feedback.decision SET " + sets[one];
  }

  /** Whoever edits the batches too is stopped by the root in the chain. */
  @Test
  void proof_batchesEditedWithTheRow_stillFails() throws Exception {
    List<Decision> some = decisions.list(8);
    ship(some);
    seal();
    UUID id = some.get(3).id();
    database.sql("UPDATE feedback.decision SET score = score / 2 WHERE id = '" + id + "'");
    byte[] leaf = leafOf(id);
    String hash = java.util.HexFormat.of().formatHex(MerkleTree.leafHash(leaf));
    database.sql(
        "UPDATE feedback.decision_batch SET leaves = overlay(leaves PLACING '\\x"
            + hash
            + "'::bytea FROM 1 + 32 * (SELECT leaf FROM feedback.decision WHERE id = '"
            + id
            + "') FOR 32)");
    assertThat(TestDatabase.get(proofs.of(id)).leaf()).isEqualTo(leaf); // it fits the tables
    assertThat(proved(id)).isFalse(); // and not the chain
  }

  private byte[] leafOf(UUID id) {
    return TestDatabase.get(database.db.read(DecisionProofs.FIND, Tuple.of(id)))
        .iterator()
        .next()
        .getBuffer("data")
        .getBytes();
  }
}
