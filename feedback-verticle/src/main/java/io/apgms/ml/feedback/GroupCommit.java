package io.apgms.ml.feedback;

import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.pgclient.PgException;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Commits decisions that must be in the database before they are answered: one statement, and so
 * one transaction, for all that came while the one before was under way.
 *
 * <p>Confined to one context, over a connection of its own: a hold at full load is a chain of
 * wake-ups, and these two threads, the loop and its server process, are the shortest. {@link
 * #commit} may be called from any thread.
 */
public final class GroupCommit {
  private static final int MAX_QUEUED = 2_048;
  private static final int MAX_ROWS = 512;

  private static final String COMMIT =
      "WITH incoming AS (SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[],"
          + " $4::text[], $5::text[], $6::int[], $7::int[], $8::text[], $9::float8[],"
          + " $10::float8[], $11::bool[], $12::bool[], $13::bool[], $14::text[], $15::int8[],"
          + " $16::text[], $17::text[], $18::bytea[], $20::int[], $21::int[],"
          + " $22::float8[], $23::float8[], $24::int[], $25::bytea[], $26::text[], $27::text[])"
          + " AS u(id, at, model_id, model_version, model_digest, lo, hi, groups, score,"
          + " threshold, review, act, enforced, mode_source, flag_age_ms, request_id, entity_id,"
          + " body_hash, explained_lo, explained_hi, baseline, standard_error, rows_scored, hash,"
          + " tenant, traceparent)),"
          + " claimed AS (INSERT INTO feedback.request (request_id, prediction_id, body_hash)"
          + " SELECT request_id, id, body_hash FROM incoming WHERE request_id IS NOT NULL"
          + " ON CONFLICT (request_id) DO NOTHING RETURNING prediction_id),"
          + " kept AS (SELECT *, row_number() OVER () - 1 AS leaf FROM incoming"
          + " WHERE request_id IS NULL OR id IN (SELECT prediction_id FROM claimed)),"
          + " batch AS MATERIALIZED (SELECT nextval('feedback.decision_batch_id') AS batch),"
          + " batched AS (INSERT INTO feedback.decision_batch (id, leaves)"
          + " SELECT batch, string_agg(hash, ''::bytea ORDER BY leaf) FROM kept, batch"
          + " GROUP BY batch),"
          + " stored AS (INSERT INTO feedback.decision ("
          + CopyTuple.PLACED_NAMES
          + ") SELECT id, at, model_id, model_version,"
          + " model_digest, ($19::real[])[lo:hi], groups, score, threshold, review, act, enforced,"
          + " mode_source, flag_age_ms, request_id, entity_id,"
          + " ($19::real[])[explained_lo:explained_hi], baseline, standard_error, rows_scored,"
          + " batch, leaf FROM kept, batch),"
          + " holds AS (INSERT INTO feedback.action_outbox (prediction_id, kind, tenant, traceparent)"
          + " SELECT id, 'hold', tenant, traceparent FROM kept WHERE enforced)"
          + " SELECT id FROM kept";

  private static final String CLAIMED_BEFORE =
      "SELECT r.request_id AS key, r.body_hash, "
          + DecisionRows.COLUMNS
          + " FROM feedback.request r JOIN feedback.decision d ON d.id = r.prediction_id"
          + " WHERE r.request_id = ANY($1)";

  private final Context context;
  private final Database db;
  private List<Waiting> queue = new ArrayList<>();
  private boolean underWay;
  private @Nullable Future<SqlConnection> connection;

  private record Waiting(
      Decision decision,
      @Nullable String tenant,
      @Nullable String traceparent,
      Promise<Decision> promise) {}

  GroupCommit(Context context, Database db) {
    this.context = context;
    this.db = db;
  }

  /** Of a caller without a tenant, whose request named no trace. */
  public Future<Decision> commit(Decision decision) {
    return commit(decision, null, null);
  }

  /**
   * The decision once it is committed, or the one that was committed before for its requestId.
   * Fails with NotSent, OutcomeUnknown or RequestIdConflict.
   *
   * @param tenant of the caller, kept with a hold: the flag may ask about it again
   * @param traceparent of the request, kept with a hold: what is sent belongs to the same trace
   */
  public Future<Decision> commit(
      Decision decision, @Nullable String tenant, @Nullable String traceparent) {
    Promise<Decision> promise = Promise.promise();
    context.runOnContext(v -> add(new Waiting(decision, tenant, traceparent, promise)));
    return promise.future();
  }

  /** Gives the connection back; what waits fails. */
  public void close() {
    context.runOnContext(v -> discard());
  }

  private void add(Waiting waiting) {
    if (queue.size() >= MAX_QUEUED) {
      waiting
          .promise()
          .fail(new FeedbackException.NotSent(queue.size() + " commits wait, expected fewer"));
      return;
    }
    queue.add(waiting);
    flush();
  }

  private void flush() {
    if (queue.isEmpty() || underWay) {
      return;
    }
    int rows = Math.min(queue.size(), MAX_ROWS);
    List<Waiting> group = List.copyOf(queue.subList(0, rows));
    queue = new ArrayList<>(queue.subList(rows, queue.size()));
    underWay = true;
    connection()
        .onFailure(e -> failAll(group, new FeedbackException.NotSent("the database is away")))
        .compose(open -> send(open, group))
        .onComplete(
            done -> {
              underWay = false;
              flush();
            });
  }

  /** Failing here means that nothing was sent. */
  private Future<SqlConnection> connection() {
    if (connection == null) {
      connection =
          db.dedicated()
              .onSuccess(opened -> opened.closeHandler(v -> forget(opened)))
              .onFailure(e -> connection = null);
    }
    return connection;
  }

  private void forget(SqlConnection closed) {
    if (connection != null && closed.equals(connection.result())) {
      connection = null;
    }
  }

  private void discard() {
    if (connection != null) {
      connection.onSuccess(SqlConnection::close);
      connection = null;
    }
  }

  private Future<Void> send(SqlConnection connection, List<Waiting> group) {
    return connection
        .preparedQuery(COMMIT)
        .execute(
            tuple(group.stream().map(Waiting::decision).toList())
                .addArrayOfString(group.stream().map(Waiting::tenant).toArray(String[]::new))
                .addArrayOfString(group.stream().map(Waiting::traceparent).toArray(String[]::new)))
        .timeout(db.timeoutMs(), TimeUnit.MILLISECONDS)
        .onFailure(e -> failAll(group, unsent(e)))
        .compose(kept -> settle(connection, group, kept))
        .otherwiseEmpty();
  }

  /** An error the server reported rolled the statement back; anything else leaves it open. */
  private FeedbackException unsent(Throwable failure) {
    if (failure instanceof PgException pg && !String.valueOf(pg.getSqlState()).startsWith("57P")) {
      return new FeedbackException.NotSent("the commit was refused, SQLSTATE " + pg.getSqlState());
    }
    db.answered(false);
    discard();
    return new FeedbackException.OutcomeUnknown("the commit was not answered", failure);
  }

  private Future<Void> settle(SqlConnection connection, List<Waiting> group, RowSet<Row> kept) {
    Set<UUID> ids = new HashSet<>();
    kept.forEach(row -> ids.add(row.getUUID(0)));
    List<Waiting> before = new ArrayList<>();
    for (Waiting w : group) {
      if (ids.contains(w.decision().id())) {
        w.promise().complete(w.decision());
      } else {
        before.add(w);
      }
    }
    if (before.isEmpty()) {
      return Future.succeededFuture();
    }
    String[] keys = before.stream().map(w -> w.decision().requestId()).toArray(String[]::new);
    return connection
        .preparedQuery(CLAIMED_BEFORE)
        .execute(Tuple.of(keys))
        .timeout(db.timeoutMs(), TimeUnit.MILLISECONDS)
        .onFailure(
            e ->
                failAll(
                    before, new FeedbackException.OutcomeUnknown("no answer for a requestId", e)))
        .onSuccess(rows -> replay(before, rows))
        .mapEmpty();
  }

  private static void replay(List<Waiting> before, RowSet<Row> rows) {
    Map<String, Row> byKey = new HashMap<>();
    rows.forEach(row -> byKey.put(row.getString("key"), row));
    for (Waiting w : before) {
      Row row = byKey.get(String.valueOf(w.decision().requestId()));
      if (row == null) {
        w.promise()
            .fail(
                new FeedbackException.OutcomeUnknown(
                    "a requestId was claimed and is gone", new IllegalStateException()));
      } else if (Arrays.equals(row.getBuffer("body_hash").getBytes(), w.decision().bodyHash())) {
        w.promise().complete(DecisionRows.decision(row));
      } else {
        w.promise()
            .fail(new FeedbackException.RequestIdConflict("requestId came with another body"));
      }
    }
  }

  private static void failAll(List<Waiting> group, FeedbackException e) {
    group.forEach(w -> w.promise().tryFail(e));
  }

  /**
   * One array a column; the features and contributions of all rows stand in one array, sliced by
   * bounds. Without an explanation its bounds are null, and so is the slice.
   */
  private static Tuple tuple(List<Decision> rows) {
    int n = rows.size();
    Integer[] lo = new Integer[n];
    Integer[] hi = new Integer[n];
    Integer[] explainedLo = new Integer[n];
    Integer[] explainedHi = new Integer[n];
    List<Float> floats = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      lo[i] = floats.size() + 1; // SQL arrays count from one
      hi[i] = append(floats, rows.get(i).features());
      Decision.Explained explained = rows.get(i).explained();
      if (explained != null) {
        explainedLo[i] = floats.size() + 1;
        explainedHi[i] = append(floats, explained.contributions());
      }
    }
    return columns(rows, lo, hi)
        .addArrayOfFloat(floats.toArray(Float[]::new))
        .addArrayOfInteger(explainedLo)
        .addArrayOfInteger(explainedHi)
        .addArrayOfDouble(
            rows.stream()
                .map(d -> d.explained() == null ? null : d.explained().baseline())
                .toArray(Double[]::new))
        .addArrayOfDouble(
            rows.stream()
                .map(d -> d.explained() == null ? null : d.explained().standardError())
                .toArray(Double[]::new))
        .addArrayOfInteger(
            rows.stream()
                .map(d -> d.explained() == null ? null : d.explained().rowsScored())
                .toArray(Integer[]::new))
        .addArrayOfBuffer(
            rows.stream()
                .map(d -> Buffer.buffer(MerkleTree.leafHash(CopyTuple.encode(d))))
                .toArray(Buffer[]::new));
  }

  private static int append(List<Float> floats, float[] values) {
    for (float value : values) {
      floats.add(value);
    }
    return floats.size();
  }

  private static Tuple columns(List<Decision> rows, Integer[] lo, Integer[] hi) {
    return Tuple.tuple()
        .addArrayOfUUID(rows.stream().map(Decision::id).toArray(UUID[]::new))
        .addArrayOfOffsetDateTime(
            rows.stream()
                .map(d -> d.at().atOffset(java.time.ZoneOffset.UTC))
                .toArray(java.time.OffsetDateTime[]::new))
        .addArrayOfString(rows.stream().map(Decision::modelId).toArray(String[]::new))
        .addArrayOfString(rows.stream().map(Decision::modelVersion).toArray(String[]::new))
        .addArrayOfString(rows.stream().map(Decision::modelDigest).toArray(String[]::new))
        .addArrayOfInteger(lo)
        .addArrayOfInteger(hi)
        .addArrayOfString(rows.stream().map(Decision::groupsJson).toArray(String[]::new))
        .addArrayOfDouble(rows.stream().map(Decision::score).toArray(Double[]::new))
        .addArrayOfDouble(rows.stream().map(Decision::threshold).toArray(Double[]::new))
        .addArrayOfBoolean(rows.stream().map(Decision::review).toArray(Boolean[]::new))
        .addArrayOfBoolean(rows.stream().map(Decision::act).toArray(Boolean[]::new))
        .addArrayOfBoolean(rows.stream().map(Decision::enforced).toArray(Boolean[]::new))
        .addArrayOfString(rows.stream().map(Decision::modeSource).toArray(String[]::new))
        .addArrayOfLong(rows.stream().map(Decision::flagAgeMs).toArray(Long[]::new))
        .addArrayOfString(rows.stream().map(Decision::requestId).toArray(String[]::new))
        .addArrayOfString(rows.stream().map(Decision::entityId).toArray(String[]::new))
        .addArrayOfBuffer(
            rows.stream()
                .map(d -> d.bodyHash() == null ? null : Buffer.buffer(d.bodyHash()))
                .toArray(Buffer[]::new));
  }
}
