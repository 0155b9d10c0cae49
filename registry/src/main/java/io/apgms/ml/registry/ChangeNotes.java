package io.apgms.ml.registry;

import io.vertx.core.Future;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/**
 * Promotions, rollbacks, pins and forced modes, as PagerDuty has been told of them. What is older
 * than a day is not told: nobody looks for the cause of this night there.
 */
public final class ChangeNotes extends LogCursor<ChangeNotes.Note> {
  private static final String NEXT =
      "SELECT l.seq, l.id, l.at, l.actor, l.action, l.subject, l.detail FROM registry.audit_log l"
          + " WHERE l.seq > (SELECT seq FROM registry.pagerduty_cursor) AND l.action IN ('promote',"
          + " 'rollback', 'pin', 'unpin', 'mode.force', 'mode.lift')"
          + " AND l.at > clock_timestamp() - interval '1 day' ORDER BY l.seq LIMIT 1";

  ChangeNotes(Database db) {
    super(db, "pagerduty_cursor");
  }

  /**
   * A change that was made.
   *
   * @param subject the model, {@code *} for all
   * @param detail the audit row's JSON
   */
  public record Note(
      long seq,
      UUID auditId,
      Instant at,
      String actor,
      String action,
      String subject,
      String detail)
      implements LogCursor.Told {}

  @Override
  public Future<Optional<Note>> next() {
    return db().read(
            NEXT,
            Tuple.tuple(),
            rows ->
                Rows.first(
                    rows,
                    r ->
                        new Note(
                            r.getLong("seq"),
                            r.getUUID("id"),
                            r.getOffsetDateTime("at").toInstant(),
                            r.getString("actor"),
                            r.getString("action"),
                            r.getString("subject"),
                            r.getString("detail"))));
  }
}
