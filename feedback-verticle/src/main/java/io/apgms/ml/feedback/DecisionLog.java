package io.apgms.ml.feedback;

import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Where decisions go and are found again. */
public final class DecisionLog {
  private static final String FIND =
      "SELECT " + DecisionRows.COLUMNS + " FROM feedback.decision d WHERE d.id = $1";

  private static final String LIST =
      "SELECT "
          + DecisionRows.COLUMNS
          + ", o.state AS action_state FROM feedback.decision d LEFT JOIN feedback.action_outbox o"
          + " ON o.prediction_id = d.id AND o.kind = 'hold'";

  private final Database db;
  private final Spool spool;
  private final Spools spools;
  private final PredictionClock clock;
  private final Labels labels;
  private final DecisionProofs proofs;
  private final Actions actions;

  DecisionLog(Database db, Spool spool, Spools spools, PredictionClock clock, Labels labels) {
    this.db = db;
    this.spool = spool;
    this.spools = spools;
    this.clock = clock;
    this.labels = labels;
    this.proofs = new DecisionProofs(db, spool, spools);
    this.actions = new Actions(db);
  }

  /** Where one event loop's decisions get the time in their ids. */
  public PredictionClock.Lane lane() {
    return clock.lane();
  }

  /**
   * Keeps decisions in the local spool, in one write to the page cache: they survive a killed
   * process, not lost power. Returns when they are there; meant for event loops.
   *
   * @throws FeedbackException.SpoolFull when nothing was kept
   */
  public void spool(List<Decision> decisions) {
    spool.append(decisions);
  }

  /**
   * What commits decisions to the database on that event loop, each with its outbox row where it is
   * enforced.
   */
  public GroupCommit groupCommit(Context loop) {
    return new GroupCommit(loop, db);
  }

  /** Whether the database answered last. */
  public boolean databaseUp() {
    return db.up();
  }

  /**
   * One prediction with its labels and action; where neither spool nor table has it NotFound, or
   * Elsewhere while it may wait in another replica's spool.
   */
  public Future<PredictionView> prediction(UUID id) {
    Decision waiting = spool.find(id);
    Future<Decision> found = waiting != null ? Future.succeededFuture(waiting) : stored(id);
    return found.compose(
        decision ->
            outcome(decision)
                .recover(
                    e ->
                        waiting != null && e instanceof FeedbackException.Unavailable
                            ? Future.succeededFuture(new PredictionView(decision, null, null, null))
                            : Future.failedFuture(e)));
  }

  /**
   * That a prediction is what was stored. NotFound where there is none, Elsewhere where that is not
   * known yet, NotSealed before its batch is in the audit chain, Altered where it is not what was
   * stored.
   */
  public Future<DecisionProof> proof(UUID id) {
    return proofs.of(id);
  }

  private Future<Decision> stored(UUID id) {
    return db.read(FIND, Tuple.of(id))
        .compose(
            rows ->
                rows.size() == 0
                    ? spools.unknown(id, db::read)
                    : Future.succeededFuture(DecisionRows.decision(rows.iterator().next())));
  }

  private Future<PredictionView> outcome(Decision decision) {
    return actions
        .of(decision.id())
        .compose(
            done ->
                labels
                    .of(decision.id())
                    .map(
                        given ->
                            new PredictionView(decision, given, done.holdState(), done.views())));
  }

  /** Predictions newest first, without their labels; those not shipped yet are not listed. */
  public Future<Page<PredictionView>> predictions(PredictionQuery q) {
    UUID after = q.cursor() == null ? null : Page.after(q.cursor());
    Filter filter =
        new Filter()
            .and("d.id < ?", after)
            .and("d.id >= ?", q.from() == null ? null : firstId(q.from().toEpochMilli()))
            .and("d.id < ?", q.to() == null ? null : firstId(q.to().toEpochMilli()))
            .and("d.model_id = ?", q.modelId())
            .and("d.model_version = ?", q.modelVersion())
            .and("d.enforced = ?", q.enforced())
            .and("d.entity_id = ?", q.entityId());
    String sql = LIST + filter.where() + " ORDER BY d.id DESC LIMIT " + (q.limit() + 1);
    return db.read(sql, filter.values()).map(rows -> page(rows, q.limit()));
  }

  private static UUID firstId(long epochMs) {
    return DecisionRows.firstId(epochMs);
  }

  private static Page<PredictionView> page(RowSet<Row> rows, int limit) {
    List<PredictionView> items = new ArrayList<>();
    for (Row row : rows) {
      items.add(
          new PredictionView(
              DecisionRows.decision(row), List.of(), row.getString("action_state"), null));
    }
    boolean more = items.size() > limit;
    List<PredictionView> page = more ? items.subList(0, limit) : items;
    @Nullable String next = more ? Page.cursor(page.get(limit - 1).decision().id()) : null;
    return new Page<>(page, next);
  }
}
