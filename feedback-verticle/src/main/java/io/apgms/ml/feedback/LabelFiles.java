package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.sqlclient.Tuple;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Supplier;

/** Labels in bulk: so many at once of a replica, each over a connection of its own. */
public final class LabelFiles {
  private static final int MAX_BACKFILLS = 2;
  private static final int MAX_EXPORTS = 2;

  private static final String NOTE =
      "INSERT INTO feedback.export (id, actor, format, from_id, to_id, model_id)"
          + " VALUES ($1, $2, $3, $4, $5, $6)";

  private final Vertx vertx;
  private final Database db;
  private final DirectConnections connections;
  private final Spool spool;
  private final Spools spools;
  private final BiConsumer<NewLabel.Label, NewLabel.Source> recorded;
  private final Semaphore backfills = new Semaphore(MAX_BACKFILLS);
  private final Semaphore exports = new Semaphore(MAX_EXPORTS);

  /** An export: who asked for what. */
  public record Asked(UUID id, String actor, String format, LabelExport.Window window) {}

  LabelFiles(
      Vertx vertx,
      Database db,
      DirectConnections connections,
      Spool spool,
      Spools spools,
      BiConsumer<NewLabel.Label, NewLabel.Source> recorded) {
    this.vertx = vertx;
    this.db = db;
    this.connections = connections;
    this.spool = spool;
    this.spools = spools;
    this.recorded = recorded;
  }

  /**
   * Opens a backfill in the name of a subject, to be closed with {@link #close}. Unavailable where
   * two are under way, or the database does not answer.
   */
  public Future<Backfill> backfill(String subject) {
    if (!backfills.tryAcquire()) {
      return Future.failedFuture(
          new FeedbackException.Unavailable(
              MAX_BACKFILLS + " backfills are under way, expected fewer", null));
    }
    return answering()
        .compose(
            v ->
                opened(
                    () -> Backfill.open(connections, spool, spools, subject, recorded),
                    Backfill::close))
        .onFailure(e -> backfills.release());
  }

  /** Gives its connection back. */
  public void close(Backfill backfill) {
    vertx
        .executeBlocking(
            () -> {
              backfill.close();
              return null;
            },
            false)
        .onComplete(done -> backfills.release());
  }

  /**
   * Opens an export, to be closed with {@link #close}; that it was made is noted first. Unavailable
   * where two are under way, or the database does not answer.
   */
  public Future<LabelExport> export(Asked asked) {
    LabelExport.Window window = asked.window();
    return export(
        window,
        () ->
            db.read(
                    NOTE,
                    Tuple.of(
                        asked.id(),
                        asked.actor(),
                        asked.format(),
                        DecisionRows.firstId(window.from().toEpochMilli()),
                        DecisionRows.firstId(window.to().toEpochMilli()),
                        window.modelId()))
                .mapEmpty());
  }

  /** The same for a reader that writes no row down, so that there is nothing to note. */
  public Future<LabelExport> read(LabelExport.Window window) {
    return export(window, this::answering);
  }

  private Future<LabelExport> export(LabelExport.Window window, Supplier<Future<Void>> before) {
    if (!exports.tryAcquire()) {
      return Future.failedFuture(
          new FeedbackException.Unavailable(
              MAX_EXPORTS + " exports are under way, expected fewer", null));
    }
    return before
        .get()
        .compose(v -> opened(() -> LabelExport.open(connections, window), LabelExport::close))
        .onFailure(e -> exports.release());
  }

  /** Gives its connection back. */
  public void close(LabelExport export) {
    export.close(); // cuts it off, waits for nothing
    exports.release();
  }

  /** A server that is frozen is found by the pool's bound, not by a socket's. */
  private Future<Void> answering() {
    return db.read("SELECT 1", Tuple.tuple()).mapEmpty();
  }

  /** One that opens too late is closed again. */
  private <T> Future<T> opened(Callable<T> open, java.util.function.Consumer<T> close) {
    Future<T> opening = vertx.executeBlocking(open, false);
    Future<T> inTime =
        opening
            .timeout(db.timeoutMs(), TimeUnit.MILLISECONDS)
            .recover(
                e ->
                    Future.failedFuture(
                        e instanceof FeedbackException
                            ? e
                            : new FeedbackException.Unavailable("the database is away", e)));
    inTime.onFailure(e -> opening.onSuccess(close::accept));
    return inTime;
  }
}
