package io.apgms.ml.registry;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;

/**
 * The hash-chained log of every administrative act.
 *
 * <p>A row is written in the transaction of the act it records, so there is never the one without
 * the other. Appends are serialised by the row lock on the one-row head table; whoever also locks
 * other rows locks them first.
 */
public final class AuditLog {
  /** Most rows of one {@link #list} call. */
  public static final int MAX_PAGE = 500;

  private static final String COLUMNS =
      "SELECT seq, id, at, actor, action, subject, detail, prev_hash, hash FROM registry.audit_log ";

  // RETURNING is computed after the row lock is held, so that `at` never precedes an earlier row's.
  private static final String NEXT =
      "UPDATE registry.audit_head SET seq = seq + 1"
          + " RETURNING seq, hash, gen_random_uuid() AS id, clock_timestamp() AS at";

  private static final String INSERT =
      "WITH head AS (UPDATE registry.audit_head SET hash = $9)"
          + " INSERT INTO registry.audit_log"
          + " (seq, id, at, actor, action, subject, detail, prev_hash, hash)"
          + " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

  private final Database db;

  AuditLog(Database db) {
    this.db = db;
  }

  /**
   * Appends inside the caller's transaction (READ COMMITTED), which must be rolled back when this
   * fails. Other appends wait until it ends.
   */
  public Future<AuditEntry> append(SqlConnection c, AuditRecord record) {
    return c.preparedQuery(NEXT)
        .execute()
        .map(rows -> next(rows.iterator().next(), record))
        .compose(entry -> c.preparedQuery(INSERT).execute(tuple(entry)).map(entry));
  }

  /** Appends in a transaction of its own. */
  public Future<AuditEntry> append(AuditRecord record) {
    return db.write(c -> append(c, record));
  }

  /** Rows after {@code afterSeq} in order, at most {@code limit} (1 to 500). */
  public Future<List<AuditEntry>> list(long afterSeq, int limit) {
    if (limit < 1 || limit > MAX_PAGE) {
      return Future.failedFuture(
          new RegistryException.Invalid("limit " + limit + ", expected 1 to " + MAX_PAGE));
    }
    return db.read(
        COLUMNS + "WHERE seq > $1 ORDER BY seq LIMIT $2", Tuple.of(afterSeq, limit), AuditLog::all);
  }

  /** One row by its audit id; NotFound when there is none. */
  public Future<AuditEntry> find(UUID id) {
    return db.read(COLUMNS + "WHERE id = $1", Tuple.of(id), AuditLog::all)
        .map(
            found ->
                found.stream()
                    .findFirst()
                    .orElseThrow(
                        () -> new RegistryException.NotFound("no audit entry with id " + id)));
  }

  /** The end of the chain, to be exported. */
  public Future<AuditHead> head() {
    return readEnd().map(End::head);
  }

  /** The row with that seq; NotFound when there is none. */
  public Future<AuditEntry> find(long seq) {
    return list(seq - 1, 1)
        .map(
            found ->
                found.stream()
                    .filter(e -> e.seq() == seq)
                    .findFirst()
                    .orElseThrow(
                        () -> new RegistryException.NotFound("no audit entry with seq " + seq)));
  }

  /** Runs work in one transaction with the bounds of every other, in which it may append. */
  public <T> Future<T> transaction(Function<SqlConnection, Future<T>> work) {
    return db.write(work);
  }

  /** Checks that all rows fit each other and the stored head. A log cut by its owner passes. */
  public Future<ChainCheck> verify() {
    return check(new AuditChain(Collections.emptyIterator())).map(Checked::check);
  }

  /** Checks the rows as {@link #verify()} does and that the exported head is still among them. */
  public Future<ChainCheck> verify(AuditHead exported) {
    return check(new AuditChain(List.of(exported).iterator())).map(Checked::check);
  }

  /**
   * What a check found.
   *
   * @param reached the newest row that fits; where all is intact, the head
   */
  public record Checked(ChainCheck check, AuditHead reached) {}

  /** Checks that the rows after an exported head continue it, up to the stored head. */
  public Future<Checked> since(AuditHead exported) {
    return check(new AuditChain(exported, Collections.emptyIterator()));
  }

  private Future<Checked> check(AuditChain chain) {
    return readEnd()
        .compose(
            end -> {
              Promise<ChainCheck> done = Promise.promise();
              checkPages(chain, end, done);
              return done.future();
            })
        .map(check -> new Checked(check, chain.reached()));
  }

  /**
   * Reads up to the head that was stored at the start: at most seq / 500 + 1 pages. A loop over a
   * promise, since a compose per page would nest as deep as the log is long.
   */
  private void checkPages(AuditChain chain, End end, Promise<ChainCheck> done) {
    list(chain.reached().seq(), MAX_PAGE)
        .onFailure(done::fail)
        .onSuccess(
            page -> {
              boolean more =
                  page.stream().filter(e -> e.seq() <= end.head().seq()).allMatch(chain::accept)
                      && !page.isEmpty()
                      && chain.reached().seq() < end.head().seq();
              if (more) {
                checkPages(chain, end, done);
              } else {
                done.complete(end.check(chain));
              }
            });
  }

  private Future<End> readEnd() {
    return db.read(
        "SELECT h.seq, h.hash, (SELECT coalesce(max(seq), 0) FROM registry.audit_log) AS last"
            + " FROM registry.audit_head h",
        Tuple.tuple(),
        rows ->
            Rows.first(
                    rows, r -> new End(new AuditHead(r.getLong(0), r.getString(1)), r.getLong(2)))
                .orElse(new End(AuditHead.EMPTY, -1)));
  }

  /** The stored head and, of the same snapshot, the newest row's seq; -1 without a head row. */
  private record End(AuditHead head, long last) {
    ChainCheck check(AuditChain chain) {
      ChainCheck rows = chain.end();
      if (!rows.intact() || (head.equals(chain.reached()) && last == head.seq())) {
        return rows;
      }
      boolean otherHash = head.seq() == last && head.seq() == chain.reached().seq();
      long bad = otherHash ? last : Math.min(chain.reached().seq(), head.seq()) + 1;
      return new ChainCheck(
          rows.intactRows(),
          bad,
          "the stored head is "
              + head.seq()
              + ", the newest row is "
              + last
              + ", expected the same seq and hash");
    }
  }

  private static AuditEntry next(Row row, AuditRecord record) {
    AuditHead before = new AuditHead(row.getLong("seq") - 1, row.getString("hash"));
    return AuditChain.next(
        before, row.getUUID("id"), row.getOffsetDateTime("at").toInstant(), record);
  }

  private static Tuple tuple(AuditEntry e) {
    return Tuple.tuple()
        .addLong(e.seq())
        .addUUID(e.id())
        .addOffsetDateTime(Rows.offset(e.at()))
        .addString(e.actor())
        .addString(e.action())
        .addString(e.subject())
        .addString(e.detail())
        .addString(e.prevHash())
        .addString(e.hash());
  }

  private static List<AuditEntry> all(RowSet<Row> rows) {
    return Rows.list(
        rows,
        r ->
            new AuditEntry(
                r.getLong("seq"),
                r.getUUID("id"),
                r.getOffsetDateTime("at").toInstant(),
                r.getString("actor"),
                r.getString("action"),
                r.getString("subject"),
                r.getString("detail"),
                r.getString("prev_hash"),
                r.getString("hash")));
  }
}
