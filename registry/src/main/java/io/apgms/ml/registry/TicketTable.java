package io.apgms.ml.registry;

import io.apgms.ml.registry.Approval.Bound;
import io.apgms.ml.registry.Approval.Kind;
import io.apgms.ml.registry.Approval.Signoff;
import io.apgms.ml.registry.TicketState.Closure;
import io.apgms.ml.registry.TicketState.Outcome;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The statements over the tables of approvals, each inside a transaction. */
final class TicketTable {
  /** Most evidence and, each, approvals of a ticket. */
  static final int MAX_EVIDENCE = 100;

  static final int MAX_APPROVALS = 200;
  static final int MAX_REPLAYS = 20;

  static final String LIST =
      "SELECT t.*, c.outcome, (SELECT d.revision FROM registry.deployment d"
          + " WHERE d.ticket = 'MLAPPROVAL-' || t.id AND d.kind = 'promote') AS revision"
          + " FROM registry.ticket t LEFT JOIN registry.ticket_closure c ON c.ticket = t.id"
          + " WHERE ($1::text IS NULL OR t.model = $1) AND t.id < $2 ORDER BY t.id DESC LIMIT $3";

  private TicketTable() {}

  static Future<Long> nextId(SqlConnection c) {
    return c.preparedQuery("SELECT nextval(pg_get_serial_sequence('registry.ticket', 'id'))")
        .execute()
        .map(rows -> rows.iterator().next().getLong(0));
  }

  static Future<Void> insert(SqlConnection c, Ticket t) {
    return c.preparedQuery(
            "INSERT INTO registry.ticket (id, model, version, manifest_digest, cause,"
                + " dataset_sha256, git_commit, author, at, reason, audit_id)"
                + " OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")
        .execute(
            Tuple.tuple()
                .addLong(t.id())
                .addString(t.model())
                .addString(t.version())
                .addString(t.manifestDigest())
                .addString(t.trigger().name())
                .addString(t.datasetSha256())
                .addString(t.gitCommit())
                .addString(t.author())
                .addOffsetDateTime(Rows.offset(t.at()))
                .addString(t.reason())
                .addUUID(t.auditId()))
        .mapEmpty();
  }

  /** Locks the ticket and reads all of it; NotFound when there is none. */
  static Future<TicketState> lock(SqlConnection c, String name) {
    return Future.succeededFuture()
        .map(v -> Ticket.parse(name))
        .compose(
            id ->
                c.preparedQuery("SELECT * FROM registry.ticket WHERE id = $1 FOR UPDATE")
                    .execute(Tuple.of(id)))
        .map(
            rows ->
                Rows.first(rows, TicketTable::ticket)
                    .orElseThrow(() -> new RegistryException.NotFound(name + " is unknown")))
        .compose(ticket -> state(c, ticket));
  }

  private static Future<TicketState> state(SqlConnection c, Ticket ticket) {
    return evidence(c, ticket.id())
        .compose(
            evidence ->
                replays(c, ticket.id())
                    .compose(
                        replays ->
                            approvals(c, ticket.id())
                                .compose(
                                    approvals -> end(c, ticket, evidence, replays, approvals))));
  }

  private static Future<TicketState> end(
      SqlConnection c,
      Ticket ticket,
      List<TicketEvidence> evidence,
      List<TicketReplay> replays,
      List<Approval> approvals) {
    return c.preparedQuery(
            "SELECT clock_timestamp() AS now, (SELECT d.revision FROM registry.deployment d"
                + " WHERE d.ticket = $2 AND d.kind = 'promote') AS revision, (SELECT issue_key"
                + " FROM registry.jira_issue WHERE ticket = $1) AS issue_key, c.*"
                + " FROM (SELECT 1) one LEFT JOIN registry.ticket_closure c ON c.ticket = $1")
        .execute(Tuple.of(ticket.id(), ticket.name()))
        .map(
            rows -> {
              Row row = rows.iterator().next();
              return new TicketState(
                  ticket,
                  evidence,
                  replays,
                  approvals,
                  row.getString("outcome") == null ? null : closure(row),
                  row.getInteger("revision"),
                  row.getString("issue_key"),
                  row.getOffsetDateTime("now").toInstant());
            });
  }

  private static Future<List<TicketEvidence>> evidence(SqlConnection c, long ticket) {
    return c.preparedQuery("SELECT * FROM registry.ticket_evidence WHERE ticket = $1 ORDER BY n")
        .execute(Tuple.of(ticket))
        .map(
            rows ->
                Rows.list(
                    rows,
                    r ->
                        new TicketEvidence(
                            r.getInteger("n"),
                            GateEvidence.parse(r.getBuffer("document").getBytes()),
                            r.getString("digest"),
                            r.getString("author"),
                            r.getOffsetDateTime("at").toInstant(),
                            r.getUUID("audit_id"))));
  }

  private static Future<List<TicketReplay>> replays(SqlConnection c, long ticket) {
    return c.preparedQuery("SELECT * FROM registry.ticket_replay WHERE ticket = $1 ORDER BY n")
        .execute(Tuple.of(ticket))
        .map(
            rows ->
                Rows.list(
                    rows,
                    r ->
                        new TicketReplay(
                            r.getInteger("n"),
                            ReplaySummary.parse(r.getBuffer("document").getBytes()),
                            r.getString("digest"),
                            r.getString("author"),
                            r.getOffsetDateTime("at").toInstant(),
                            r.getUUID("audit_id"))));
  }

  private static Future<List<Approval>> approvals(SqlConnection c, long ticket) {
    return c.preparedQuery(
            "SELECT a.*, w.at AS withdrawn FROM registry.approval a"
                + " LEFT JOIN registry.approval_withdrawal w ON w.approval = a.id"
                + " WHERE a.ticket = $1 ORDER BY a.at, a.id LIMIT "
                + MAX_APPROVALS)
        .execute(Tuple.of(ticket))
        .map(rows -> Rows.list(rows, TicketTable::approval));
  }

  static Future<Void> insert(SqlConnection c, long ticket, TicketEvidence e) {
    return c.preparedQuery(
            "INSERT INTO registry.ticket_evidence (ticket, n, document, digest, author, at,"
                + " audit_id) VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .execute(
            Tuple.of(
                ticket,
                e.n(),
                Buffer.buffer(e.evidence().toJson()),
                e.digest(),
                e.author(),
                Rows.offset(e.at()),
                e.auditId()))
        .mapEmpty();
  }

  static Future<Void> insert(SqlConnection c, long ticket, TicketReplay r) {
    return c.preparedQuery(
            "INSERT INTO registry.ticket_replay (ticket, n, document, digest, author, at,"
                + " audit_id) VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .execute(
            Tuple.of(
                ticket,
                r.n(),
                Buffer.buffer(r.summary().toJson()),
                r.digest(),
                r.author(),
                Rows.offset(r.at()),
                r.auditId()))
        .mapEmpty();
  }

  static Future<Void> insert(SqlConnection c, long ticket, Approval a) {
    Signoff s = a.signoff();
    return c.preparedQuery(
            "INSERT INTO registry.approval (id, ticket, evidence, kind, gate, actor, at,"
                + " manifest_digest, evidence_digest, base_version, base_digest,"
                + " thresholds_unchanged, reason, named_audit_id, expires_at, audit_id,"
                + " change_reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
                + " $14, $15, $16, $17)")
        .execute(
            Tuple.tuple()
                .addUUID(a.id())
                .addLong(ticket)
                .addInteger(a.bound().evidence())
                .addString(a.kind().name())
                .addString(a.gate() == null ? null : a.gate().word())
                .addString(a.actor())
                .addOffsetDateTime(Rows.offset(a.at()))
                .addString(a.bound().manifestDigest())
                .addString(a.bound().evidenceDigest())
                .addString(s == null ? null : s.baseVersion())
                .addString(s == null ? null : s.baseDigest())
                .addBoolean(s == null ? null : s.thresholdsUnchanged())
                .addString(a.reason())
                .addUUID(s == null ? null : s.namedAuditId())
                .addOffsetDateTime(Rows.offset(a.expiresAt()))
                .addUUID(a.auditId())
                .addString(s == null ? null : s.changeReason()))
        .mapEmpty();
  }

  static Future<Void> withdraw(SqlConnection c, UUID approval, String reason, AuditEntry entry) {
    return c.preparedQuery(
            "INSERT INTO registry.approval_withdrawal (approval, actor, at, reason, audit_id)"
                + " VALUES ($1, $2, $3, $4, $5)")
        .execute(Tuple.of(approval, entry.actor(), Rows.offset(entry.at()), reason, entry.id()))
        .mapEmpty();
  }

  static Future<Void> close(SqlConnection c, long ticket, Closure closure) {
    return c.preparedQuery(
            "INSERT INTO registry.ticket_closure (ticket, outcome, commit_hash, actor, at, reason,"
                + " audit_id) VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .execute(
            Tuple.of(
                ticket,
                closure.outcome().name(),
                closure.commit(),
                closure.actor(),
                Rows.offset(closure.at()),
                closure.reason(),
                closure.auditId()))
        .mapEmpty();
  }

  static Ticket ticket(Row r) {
    return new Ticket(
        r.getLong("id"),
        r.getString("model"),
        r.getString("version"),
        r.getString("manifest_digest"),
        Ticket.Trigger.valueOf(r.getString("cause")),
        r.getString("dataset_sha256"),
        r.getString("git_commit"),
        r.getString("author"),
        r.getOffsetDateTime("at").toInstant(),
        r.getString("reason"),
        r.getUUID("audit_id"));
  }

  private static Approval approval(Row r) {
    String gate = r.getString("gate");
    Kind kind = Kind.valueOf(r.getString("kind"));
    return new Approval(
        r.getUUID("id"),
        kind,
        gate == null ? null : Waivable.of(gate).orElseThrow(),
        r.getString("actor"),
        r.getOffsetDateTime("at").toInstant(),
        new Bound(
            r.getString("manifest_digest"),
            r.getString("evidence_digest"),
            r.getInteger("evidence")),
        kind == Kind.risk_signoff
            ? new Signoff(
                r.getString("base_version"),
                r.getString("base_digest"),
                r.getBoolean("thresholds_unchanged"),
                r.getString("change_reason"),
                r.getUUID("named_audit_id"))
            : null,
        r.getString("reason"),
        r.getOffsetDateTime("expires_at").toInstant(),
        r.getUUID("audit_id"),
        instant(r.getOffsetDateTime("withdrawn")));
  }

  private static Closure closure(Row r) {
    return new Closure(
        Outcome.valueOf(r.getString("outcome")),
        r.getString("commit_hash"),
        r.getString("actor"),
        r.getOffsetDateTime("at").toInstant(),
        r.getString("reason"),
        r.getUUID("audit_id"));
  }

  private static @Nullable Instant instant(@Nullable OffsetDateTime at) {
    return at == null ? null : at.toInstant();
  }
}
