package io.apgms.ml.feedback;

import com.github.f4b6a3.uuid.UuidCreator;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** The verdicts of humans on predictions: all are kept, the newest by observedAt counts. */
public final class Labels {
  /** Most labels shown with one prediction. */
  private static final int MAX_PER_PREDICTION = 500;

  private static final String COLUMNS =
      "SELECT l.id, l.prediction_id, l.model_id, l.model_version, l.label, l.source,"
          + " l.submitted_by, l.notes, l.metadata, l.observed_at, l.recorded_at"
          + " FROM feedback.model_feedback l";

  private static final String BY_KEY =
      "SELECT id, recorded_at, body_hash FROM feedback.model_feedback"
          + " WHERE key_scope = $1 AND idempotency_key = $2";

  private static final String PREDICTION =
      "SELECT model_id, model_version, review FROM feedback.decision WHERE id = $1";

  private static final String KEEP_PREDICTION =
      "WITH batch AS MATERIALIZED (SELECT nextval('feedback.decision_batch_id') AS id),"
          + " stored AS (INSERT INTO feedback.decision ("
          + CopyTuple.PLACED_NAMES
          + ") SELECT $1::uuid, $2::timestamptz, $3::text, $4::text, $5::text, $6::real[],"
          + " $7::text, $8::float8, $9::float8, $10::bool, $11::bool, $12::bool, $13::text,"
          + " $14::int8, $15::text, $16::text, $17::real[], $18::float8, $19::float8, $20::int,"
          + " id, 0 FROM batch ON CONFLICT (id) DO NOTHING RETURNING batch)"
          + " INSERT INTO feedback.decision_batch (id, leaves) SELECT batch, $21 FROM stored";

  private static final String INSERT =
      "INSERT INTO feedback.model_feedback (id, prediction_id, model_id, model_version, label,"
          + " source, submitted_by, notes, metadata, observed_at, key_scope, idempotency_key,"
          + " body_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
          + " ON CONFLICT (key_scope, idempotency_key) DO NOTHING RETURNING recorded_at";

  private final Database db;
  private final Spool spool;
  private final Spools spools;
  private final BiConsumer<NewLabel.Label, NewLabel.Source> recorded;

  Labels(
      Database db,
      Spool spool,
      Spools spools,
      BiConsumer<NewLabel.Label, NewLabel.Source> recorded) {
    this.db = db;
    this.spool = spool;
    this.spools = spools;
    this.recorded = recorded;
  }

  /**
   * An idempotency key with what it stands for.
   *
   * @param scope who the key belongs to
   * @param key null where none was sent: each call is a label of its own
   * @param bodyHash SHA-256 of the request's body
   */
  @SuppressWarnings("ArrayRecordComponent") // handed over once; never compared
  public record Key(String scope, @Nullable String key, byte[] bodyHash) {}

  private record Made(LabelReceipt receipt, boolean now) {}

  /**
   * Commits a label; the receipt comes after the commit. The same key with the same body gives the
   * first receipt again. Fails with NotFound, Elsewhere, VersionConflict, Contradiction, KeyReused
   * or Unavailable, after which it may have been committed.
   */
  public Future<LabelReceipt> record(NewLabel label, Key key) {
    if (!Spools.isId(label.predictionId())) {
      return Future.failedFuture(Spools.notFound(label.predictionId()));
    }
    Decision waiting = spool.find(label.predictionId());
    return db.write(
            c ->
                byKey(c, key)
                    .compose(
                        before ->
                            before.isPresent()
                                ? Future.succeededFuture(new Made(before.get(), false))
                                : insert(c, label, key, waiting)
                                    .compose(made -> undo(c, label, made))))
        .onSuccess(
            made -> {
              if (made.now()) {
                recorded.accept(label.label(), label.source());
              }
            })
        .map(Made::receipt);
  }

  private static Future<Optional<LabelReceipt>> byKey(SqlConnection c, Key key) {
    if (key.key() == null) {
      return Future.succeededFuture(Optional.empty());
    }
    return c.preparedQuery(BY_KEY)
        .execute(Tuple.of(key.scope(), key.key()))
        .map(rows -> rows.size() == 0 ? Optional.empty() : Optional.of(replayed(rows, key)));
  }

  private static LabelReceipt replayed(RowSet<Row> rows, Key key) {
    Row row = rows.iterator().next();
    if (!Arrays.equals(row.getBuffer("body_hash").getBytes(), key.bodyHash())) {
      throw new FeedbackException.KeyReused(
          "the Idempotency-Key came with another body before, expected a new key");
    }
    return new LabelReceipt(row.getUUID("id"), row.getOffsetDateTime("recorded_at").toInstant());
  }

  private Future<Made> insert(
      SqlConnection c, NewLabel label, Key key, @Nullable Decision waiting) {
    UUID id = UuidCreator.getTimeOrderedEpoch();
    return prediction(c, label.predictionId(), waiting)
        .compose(
            on -> {
              on.require(label);
              return c.preparedQuery(INSERT).execute(tuple(id, label, key));
            })
        .compose(
            rows ->
                rows.size() == 1
                    ? Future.succeededFuture(
                        new Made(
                            new LabelReceipt(
                                id, rows.iterator().next().getOffsetDateTime(0).toInstant()),
                            true))
                    : byKey(c, key).map(first -> new Made(first.orElseThrow(), false)));
  }

  /** A hold that is a false positive is taken back. */
  private static Future<Made> undo(SqlConnection c, NewLabel label, Made made) {
    return made.now() && label.label() == NewLabel.Label.FALSE_POSITIVE
        ? Releases.after(c, label.predictionId()).map(made)
        : Future.succeededFuture(made);
  }

  /** A decision still in the spool is committed with its label; the shipper copes with the twin. */
  private Future<Judged> prediction(SqlConnection c, UUID id, @Nullable Decision waiting) {
    if (waiting != null) {
      return c.preparedQuery(KEEP_PREDICTION)
          .execute(tuple(waiting))
          .map(rows -> new Judged(waiting.modelId(), waiting.modelVersion(), waiting.review()));
    }
    return c.preparedQuery(PREDICTION)
        .execute(Tuple.of(id))
        .compose(
            rows -> {
              if (rows.size() == 0) {
                return spools.unknown(id, (sql, values) -> c.preparedQuery(sql).execute(values));
              }
              Row row = rows.iterator().next();
              return Future.succeededFuture(
                  new Judged(row.getString(0), row.getString(1), row.getBoolean(2)));
            });
  }

  private static Tuple tuple(Decision d) {
    Decision.Explained explained = d.explained();
    return Tuple.tuple()
        .addUUID(d.id())
        .addOffsetDateTime(d.at().atOffset(ZoneOffset.UTC))
        .addString(d.modelId())
        .addString(d.modelVersion())
        .addString(d.modelDigest())
        .addArrayOfFloat(DecisionRows.boxed(d.features()))
        .addString(d.groupsJson())
        .addDouble(d.score())
        .addDouble(d.threshold())
        .addBoolean(d.review())
        .addBoolean(d.act())
        .addBoolean(d.enforced())
        .addString(d.modeSource())
        .addLong(d.flagAgeMs())
        .addString(d.requestId())
        .addString(d.entityId())
        .addArrayOfFloat(explained == null ? null : DecisionRows.boxed(explained.contributions()))
        .addDouble(explained == null ? null : explained.baseline())
        .addDouble(explained == null ? null : explained.standardError())
        .addInteger(explained == null ? null : explained.rowsScored())
        .addBuffer(Buffer.buffer(MerkleTree.leafHash(CopyTuple.encode(d))));
  }

  private static Tuple tuple(UUID id, NewLabel l, Key key) {
    return Tuple.tuple()
        .addUUID(id)
        .addUUID(l.predictionId())
        .addString(l.modelId())
        .addString(l.modelVersion())
        .addString(l.label().name())
        .addString(l.source().name())
        .addString(l.submittedBy())
        .addString(l.notes())
        .addString(l.metadataJson())
        .addOffsetDateTime(l.observedAt().atOffset(ZoneOffset.UTC))
        .addString(key.scope())
        .addString(key.key())
        .addBuffer(Buffer.buffer(key.bodyHash()));
  }

  /** The labels of one prediction, the one that counts first. */
  Future<List<LabelView>> of(UUID predictionId) {
    return db.read(
            COLUMNS
                + " WHERE l.prediction_id = $1 ORDER BY l.observed_at DESC, l.id DESC LIMIT "
                + MAX_PER_PREDICTION,
            Tuple.of(predictionId))
        .map(Labels::views);
  }

  /** Labels newest first. */
  public Future<Page<LabelView>> list(LabelQuery q) {
    Filter filter =
        new Filter()
            .and("l.id < ?", q.cursor() == null ? null : Page.after(q.cursor()))
            .and("l.model_id = ?", q.modelId())
            .and("l.model_version = ?", q.modelVersion())
            .and("l.label = ?", q.label() == null ? null : q.label().name())
            .and("l.source = ?", q.source() == null ? null : q.source().name())
            .and("l.prediction_id = ?", q.predictionId())
            .and("l.recorded_at >= ?", utc(q.from()))
            .and("l.recorded_at < ?", utc(q.to()));
    return db.read(
            COLUMNS + filter.where() + " ORDER BY l.id DESC LIMIT " + (q.limit() + 1),
            filter.values())
        .map(
            rows -> {
              List<LabelView> found = views(rows);
              boolean more = found.size() > q.limit();
              List<LabelView> page = more ? found.subList(0, q.limit()) : found;
              return new Page<>(page, more ? Page.cursor(page.get(q.limit() - 1).id()) : null);
            });
  }

  private static java.time.@Nullable OffsetDateTime utc(@Nullable Instant at) {
    return at == null ? null : at.atOffset(ZoneOffset.UTC);
  }

  private static List<LabelView> views(RowSet<Row> rows) {
    List<LabelView> views = new ArrayList<>();
    for (Row row : rows) {
      views.add(
          new LabelView(
              row.getUUID("id"),
              new NewLabel(
                  row.getUUID("prediction_id"),
                  row.getString("model_id"),
                  row.getString("model_version"),
                  NewLabel.Label.valueOf(row.getString("label")),
                  NewLabel.Source.valueOf(row.getString("source")),
                  row.getString("submitted_by"),
                  row.getString("notes"),
                  row.getString("metadata"),
                  row.getOffsetDateTime("observed_at").toInstant()),
              row.getOffsetDateTime("recorded_at").toInstant()));
    }
    return views;
  }
}
