package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.util.concurrent.Callable;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;

/** Labels in bulk: so many at once of a replica, each over a connection of its own. */
public final class LabelFiles {
  private static final int MAX_BACKFILLS = 2;

  private final Vertx vertx;
  private final Database db;
  private final DirectConnections connections;
  private final Spool spool;
  private final BiConsumer<NewLabel.Label, NewLabel.Source> recorded;
  private final Semaphore backfills = new Semaphore(MAX_BACKFILLS);

  LabelFiles(
      Vertx vertx,
      Database db,
      DirectConnections connections,
      Spool spool,
      BiConsumer<NewLabel.Label, NewLabel.Source> recorded) {
    this.vertx = vertx;
    this.db = db;
    this.connections = connections;
    this.spool = spool;
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
                opened(() -> Backfill.open(connections, spool, subject, recorded), Backfill::close))
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

  /** A server that is frozen is found by the pool's bound, not by a socket's. */
  private Future<Void> answering() {
    return db.read("SELECT 1", io.vertx.sqlclient.Tuple.tuple()).mapEmpty();
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
