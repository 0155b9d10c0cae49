package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;

/** Proofs that decisions are what was stored, made from the tables as they are now. */
final class DecisionProofs {
  /** PostgreSQL's own bytes of each column, so that nothing of it goes past the hash. */
  static final String LEAF =
      "int2send("
          + CopyTuple.FIELDS
          + "::int2) || "
          + List.of(
                  "uuid_send(d.id)",
                  "timestamptz_send(d.at)",
                  "textsend(d.model_id)",
                  "textsend(d.model_version)",
                  "textsend(d.model_digest)",
                  "array_send(d.features)",
                  "textsend(d.groups)",
                  "float8send(d.score)",
                  "float8send(d.threshold)",
                  "boolsend(d.review)",
                  "boolsend(d.act)",
                  "boolsend(d.enforced)",
                  "textsend(d.mode_source)",
                  "int8send(d.flag_age_ms)",
                  "textsend(d.request_id)",
                  "textsend(d.entity_id)",
                  "array_send(d.contributions)",
                  "float8send(d.baseline)",
                  "float8send(d.standard_error)",
                  "int4send(d.rows_scored)")
              .stream()
              .map(s -> "coalesce(int4send(octet_length(" + s + ")) || " + s + ", int4send(-1))")
              .collect(Collectors.joining(" || "));

  static final String FIND =
      "SELECT "
          + LEAF
          + " AS data, d.batch AS in_batch, d.leaf, b.leaves, b.seal, b.position"
          + " FROM feedback.decision d LEFT JOIN feedback.decision_batch b ON b.id = d.batch"
          + " WHERE d.id = $1";

  private static final String LEFT =
      "SELECT "
          + LEAF
          + " AS data, l.redaction, r.audit_seq FROM feedback.redaction_leaf l"
          + " JOIN feedback.redaction r ON r.id = l.redaction"
          + " JOIN feedback.decision d ON d.id = l.prediction_id WHERE l.prediction_id = $1"
          + " AND l.leaf IS NOT NULL";

  private static final String LEFT_WITH_IT =
      "SELECT prediction_id, leaf FROM feedback.redaction_leaf WHERE redaction = $1"
          + " AND leaf IS NOT NULL"
          + " ORDER BY position";

  private static final String BATCHES =
      "SELECT octet_length(leaves) / "
          + MerkleTree.HASH_BYTES
          + " AS size, root FROM feedback.decision_batch WHERE seal = $1 ORDER BY position";

  private final Database db;
  private final Spool spool;
  private final Spools spools;

  DecisionProofs(Database db, Spool spool, Spools spools) {
    this.db = db;
    this.spool = spool;
    this.spools = spools;
  }

  /** Altered, unless the row is what a redaction left: then Redacted. */
  Future<DecisionProof> of(UUID id) {
    return stored(id)
        .recover(
            e -> e instanceof FeedbackException.Altered ? redacted(id, e) : Future.failedFuture(e));
  }

  private Future<DecisionProof> redacted(UUID id, Throwable altered) {
    return db.read(LEFT, Tuple.of(id))
        .compose(
            rows -> {
              if (rows.size() == 0) {
                return Future.failedFuture(altered);
              }
              Row row = rows.iterator().next();
              byte[] now = MerkleTree.leafHash(row.getBuffer("data").getBytes());
              return db.read(LEFT_WITH_IT, Tuple.of(row.getUUID("redaction")))
                  .compose(left -> Future.failedFuture(verdict(id, row, now, left, altered)));
            });
  }

  private static Throwable verdict(
      UUID id, Row row, byte[] now, RowSet<Row> left, Throwable altered) {
    Map<UUID, byte[]> leaves = new LinkedHashMap<>();
    left.forEach(l -> leaves.put(l.getUUID("prediction_id"), l.getBuffer("leaf").getBytes()));
    if (!Arrays.equals(now, leaves.get(id))) {
      return altered;
    }
    return new FeedbackException.Redacted(
        "prediction " + id + " was redacted",
        row.getLong("audit_seq"),
        HexFormat.of().formatHex(RedactionRound.root(leaves)));
  }

  private Future<DecisionProof> stored(UUID id) {
    return db.read(FIND, Tuple.of(id))
        .compose(
            rows -> {
              if (rows.size() == 0) {
                return spool.find(id) == null
                    ? spools.unknown(id, db::read)
                    : Future.failedFuture(waits(id));
              }
              Row row = rows.iterator().next();
              DecisionProof.Place inBatch = inBatch(id, row);
              long seal = row.getLong("seal");
              return db.read(BATCHES, Tuple.of(seal))
                  .map(DecisionProofs::batchLeaves)
                  .map(
                      batches ->
                          new DecisionProof(
                              id,
                              row.getBuffer("data").getBytes(),
                              inBatch,
                              place(id, batches, row.getInteger("position")),
                              seal));
            });
  }

  private static Buffer batchLeaves(RowSet<Row> batches) {
    Buffer leaves = Buffer.buffer(batches.size() * MerkleTree.HASH_BYTES);
    for (Row batch : batches) {
      leaves.appendBytes(
          DecisionProof.batchLeaf(batch.getInteger("size"), batch.getBuffer("root").getBytes()));
    }
    return leaves;
  }

  private static FeedbackException waits(UUID id) {
    return new FeedbackException.NotSealed(
        "prediction " + id + " is not in the audit chain yet, expected within half a minute");
  }

  private static DecisionProof.Place inBatch(UUID id, Row row) {
    if (row.getLong("in_batch") == null) {
      throw new FeedbackException.NotSealed(
          "prediction " + id + " is in no batch, as those stored before there were any");
    }
    Buffer leaves = row.getBuffer("leaves");
    if (leaves == null) {
      throw new FeedbackException.Altered(
          "prediction " + id + " names batch " + row.getLong("in_batch") + ", which is not there");
    }
    DecisionProof.Place place = place(id, leaves, row.getInteger("leaf"));
    byte[] stored = MerkleTree.hash(leaves.getBytes(), place.index());
    byte[] now = MerkleTree.leafHash(row.getBuffer("data").getBytes());
    if (!Arrays.equals(now, stored)) {
      throw new FeedbackException.Altered(
          "prediction "
              + id
              + " is not what was stored: its hash is "
              + HexFormat.of().formatHex(now)
              + ", expected "
              + HexFormat.of().formatHex(stored));
    }
    if (row.getLong("seal") == null) {
      throw waits(id);
    }
    return place;
  }

  private static DecisionProof.Place place(UUID id, Buffer hashes, Integer index) {
    int size = hashes.length() / MerkleTree.HASH_BYTES;
    if (index == null || index < 0 || index >= size) {
      throw new FeedbackException.Altered(
          "prediction " + id + " names hash " + index + " of " + size + ", which is not there");
    }
    return new DecisionProof.Place(index, size, MerkleTree.path(hashes.getBytes(), index));
  }
}
