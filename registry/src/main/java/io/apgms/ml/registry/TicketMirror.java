package io.apgms.ml.registry;

import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What another system has been told of the steps of tickets. */
public final class TicketMirror extends LogCursor<TicketMirror.Step> {
  private static final String NEXT =
      "SELECT l.seq, l.id, l.actor, l.action, l.subject, l.detail FROM registry.audit_log l"
          + " WHERE l.seq > (SELECT seq FROM registry.jira_cursor) AND l.action IN ('ticket.open',"
          + " 'ticket.evidence', 'ticket.replay', 'ticket.peer_review', 'ticket.risk_signoff', 'ticket.waiver',"
          + " 'ticket.withdraw', 'ticket.close', 'promote') ORDER BY l.seq LIMIT 1";

  private static final String TICKET =
      "SELECT t.*, j.issue_key FROM registry.ticket t LEFT JOIN registry.jira_issue j"
          + " ON j.ticket = t.id WHERE t.id = $1";

  TicketMirror(Database db) {
    super(db, "jira_cursor");
  }

  /**
   * A step of a ticket that has not been told.
   *
   * @param action {@code ticket.…} or {@code promote}
   * @param detail the audit row's JSON
   * @param issueKey the ticket's issue elsewhere; null where it has none yet
   */
  public record Step(
      long seq,
      UUID auditId,
      String actor,
      String action,
      String detail,
      Ticket ticket,
      @Nullable String issueKey)
      implements LogCursor.Told {}

  private record Told(long seq, UUID id, String actor, String action, String name, String detail) {}

  @Override
  public Future<Optional<Step>> next() {
    return db().read(NEXT, Tuple.tuple(), TicketMirror::row)
        .compose(
            row ->
                row.isEmpty()
                    ? Future.succeededFuture(Optional.empty())
                    : step(row.get()).map(Optional::of));
  }

  private Future<Step> step(Told row) {
    return Future.succeededFuture()
        .map(v -> Ticket.parse(row.name()))
        .compose(
            id ->
                db().read(
                        TICKET,
                        Tuple.of(id),
                        rows ->
                            Rows.first(
                                    rows,
                                    r ->
                                        new Step(
                                            row.seq(),
                                            row.id(),
                                            row.actor(),
                                            row.action(),
                                            row.detail(),
                                            TicketTable.ticket(r),
                                            r.getString("issue_key")))
                                .orElseThrow(
                                    () ->
                                        new RegistryException.NotFound(
                                            row.name() + " is unknown"))));
  }

  private static Optional<Told> row(RowSet<Row> rows) {
    return Rows.first(
        rows,
        r -> {
          String action = r.getString("action");
          String detail = r.getString("detail");
          String name =
              action.equals("promote")
                  ? new JsonObject(detail).getString("ticket")
                  : r.getString("subject");
          return new Told(
              r.getLong("seq"), r.getUUID("id"), r.getString("actor"), action, name, detail);
        });
  }

  /** Remembers the issue of a ticket. */
  public Future<Void> created(Ticket ticket, String issueKey) {
    return db().read(
            "INSERT INTO registry.jira_issue (ticket, issue_key) VALUES ($1, $2)"
                + " ON CONFLICT (ticket) DO NOTHING",
            Tuple.of(ticket.id(), issueKey),
            rows -> null);
  }

  @Override
  public Future<Void> skipped(long seq, String reason) {
    return db().read(
            "INSERT INTO registry.jira_skipped (seq, reason) VALUES ($1, $2)"
                + " ON CONFLICT (seq) DO NOTHING",
            Tuple.of(seq, reason),
            rows -> null)
        .compose(v -> done(seq));
  }
}
