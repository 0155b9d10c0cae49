package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.util.Optional;
import java.util.function.Function;

/**
 * Puts stored decisions under a root that the caller keeps in a log of its own: one root over the
 * roots of all batches that wait, each batch under exactly one.
 *
 * <p>All of it is one transaction of the caller's: the log's entry and the batches' marks are there
 * together or not at all. A seal hashes two times 64 bytes a decision: not for an event loop that
 * serves.
 */
public final class DecisionSeals {
  /** Most batches of one seal. */
  public static final int MAX_BATCHES = 4_096;

  private static final int MAX_DECISIONS = 131_072;
  private static final int BIGGEST_BATCH = Shipper.MAX_ROWS;

  private static final String ONE_AT_A_TIME =
      "SELECT pg_try_advisory_xact_lock(hashtext('feedback.seal'))";

  private static final String WAITING =
      "SELECT id, leaves FROM (SELECT id, leaves, sum(octet_length(leaves)) OVER (ORDER BY id)"
          + " AS bytes FROM (SELECT id, leaves FROM feedback.decision_batch WHERE seal IS NULL"
          + " ORDER BY id LIMIT $1) oldest) summed WHERE bytes <= "
          + MAX_DECISIONS * MerkleTree.HASH_BYTES
          + " ORDER BY id";

  private static final String MARK =
      "UPDATE feedback.decision_batch b SET seal = $1, root = u.root, position = u.position"
          + " FROM unnest($2::bigint[], $3::bytea[], $4::int[]) AS u(id, root, position)"
          + " WHERE b.id = u.id AND b.seal IS NULL";

  private DecisionSeals() {}

  /**
   * What a seal stands for.
   *
   * @param root over the batches in the order of their ids; 32 bytes
   * @param decisions in all batches together
   * @param more whether others may still wait
   */
  @SuppressWarnings("ArrayRecordComponent") // handed over once; never compared
  public record Seal(byte[] root, int batches, int decisions, boolean more) {}

  /**
   * Seals what waits; empty when nothing does or another replica is at it.
   *
   * @param c in a transaction, rolled back when this fails
   * @param maxBatches 1 to 4,096; of more than 131,072 decisions the rest waits too
   * @param append keeps the seal in the same transaction and gives the seq under which it is found
   */
  public static Future<Optional<Seal>> seal(
      SqlConnection c, int maxBatches, Function<Seal, Future<Long>> append) {
    return c.query(ONE_AT_A_TIME)
        .execute()
        .compose(
            got ->
                got.iterator().next().getBoolean(0)
                    ? c.preparedQuery(WAITING)
                        .execute(Tuple.of(maxBatches))
                        .compose(rows -> seal(c, maxBatches, append, rows))
                    : Future.succeededFuture(Optional.empty()));
  }

  private static Future<Optional<Seal>> seal(
      SqlConnection c, int maxBatches, Function<Seal, Future<Long>> append, RowSet<Row> waiting) {
    int n = waiting.size();
    if (n == 0) {
      return Future.succeededFuture(Optional.empty());
    }
    Long[] ids = new Long[n];
    Buffer[] roots = new Buffer[n];
    Integer[] positions = new Integer[n];
    Buffer all = Buffer.buffer(n * MerkleTree.HASH_BYTES);
    int decisions = 0;
    int i = 0;
    for (Row row : waiting) {
      byte[] leaves = row.getBuffer("leaves").getBytes();
      int size = leaves.length / MerkleTree.HASH_BYTES;
      byte[] root = MerkleTree.root(leaves);
      ids[i] = row.getLong("id");
      roots[i] = Buffer.buffer(root);
      positions[i] = i;
      all.appendBytes(DecisionProof.batchLeaf(size, root));
      decisions += size;
      i++;
    }
    boolean more = n == maxBatches || decisions > MAX_DECISIONS - BIGGEST_BATCH;
    Seal seal = new Seal(MerkleTree.root(all.getBytes()), n, decisions, more);
    return append
        .apply(seal)
        .compose(
            seq ->
                c.preparedQuery(MARK)
                    .execute(
                        Tuple.tuple()
                            .addLong(seq)
                            .addArrayOfLong(ids)
                            .addArrayOfBuffer(roots)
                            .addArrayOfInteger(positions)))
        .map(
            marked -> {
              if (marked.rowCount() != n) {
                throw new IllegalStateException(
                    marked.rowCount() + " batches marked, expected " + n);
              }
              return Optional.of(seal);
            });
  }
}
