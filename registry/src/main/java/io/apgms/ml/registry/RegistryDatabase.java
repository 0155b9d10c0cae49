package io.apgms.ml.registry;

import io.vertx.core.Future;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The registry's tables, schema {@code registry}, over a pool that the caller opens and closes.
 *
 * <p>Migrations are class path resources {@code db/registry}. The pool must lead to the primary.
 * Every changing transaction notifies {@link #CHANNEL}.
 */
public final class RegistryDatabase {
  /** Payload {@code model:revision}, {@code scope:mode} or {@code model:trial}. */
  public static final String CHANNEL = Database.CHANNEL;

  /** Bound of one call where the caller has no other. */
  public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(1);

  private static final String CONTROL_STATE =
      "SELECT clock_timestamp() AS at, current_setting('transaction_read_only') AS read_only,"
          + " (SELECT json_agg(p ORDER BY p.model) FROM registry.pointer p) AS pointers,"
          + " (SELECT seq FROM registry.audit_head) AS audit_seq,"
          + " (SELECT json_agg(f ORDER BY f.scope) FROM (SELECT m.*, a.seq AS audit_seq"
          + " FROM registry.forced_mode m JOIN registry.audit_log a ON a.id = m.audit_id"
          + " WHERE m.expires_at IS NULL OR m.expires_at > clock_timestamp()) f) AS forced,"
          + " (SELECT json_agg(t ORDER BY t.model) FROM registry.pointer p, LATERAL (SELECT *"
          + " FROM registry.trial t WHERE t.model = p.model ORDER BY t.n DESC LIMIT 1) t) AS trials";

  private final Database db;
  private final AuditLog audit;
  private final Deployments deployments;
  private final Tickets tickets;
  private final Promotions promotions;
  private final Trials trials;
  private final TicketMirror ticketMirror;
  private final ForcedModes forcedModes;
  private final Replicas replicas;
  private final ErrorBudgets errorBudgets;
  private final Alerts alerts;
  private final Retrainings retrainings;
  private final ChangeNotes changeNotes;
  private final Drills drills;

  /**
   * @param timeout bound of each call, at least 10 ms; inside transactions locks are waited for
   *     half of it, statements run for four fifths of it
   */
  public RegistryDatabase(Pool pool, Duration timeout) {
    this.db = new Database(pool, timeout);
    this.audit = new AuditLog(db);
    this.deployments = new Deployments(db, audit);
    this.tickets = new Tickets(db, audit);
    this.promotions = new Promotions(db, audit, tickets);
    this.trials = new Trials(db, audit, tickets);
    this.ticketMirror = new TicketMirror(db);
    this.forcedModes = new ForcedModes(db, audit);
    this.replicas = new Replicas(db);
    this.errorBudgets = new ErrorBudgets(db);
    this.alerts = new Alerts(db);
    this.retrainings = new Retrainings(db, audit);
    this.changeNotes = new ChangeNotes(db);
    this.drills = new Drills(db, audit);
  }

  public AuditLog audit() {
    return audit;
  }

  public Deployments deployments() {
    return deployments;
  }

  public Tickets tickets() {
    return tickets;
  }

  public TicketMirror ticketMirror() {
    return ticketMirror;
  }

  public Promotions promotions() {
    return promotions;
  }

  public Trials trials() {
    return trials;
  }

  public ForcedModes forcedModes() {
    return forcedModes;
  }

  public Replicas replicas() {
    return replicas;
  }

  public ErrorBudgets errorBudgets() {
    return errorBudgets;
  }

  public Alerts alerts() {
    return alerts;
  }

  public Retrainings retrainings() {
    return retrainings;
  }

  public ChangeNotes changeNotes() {
    return changeNotes;
  }

  public Drills drills() {
    return drills;
  }

  /**
   * All pointers, forced modes and newest trials in one round trip. Unavailable from a server that
   * takes no writes: a standby's answer could be old.
   */
  public Future<ControlState> controlState() {
    return db.read(CONTROL_STATE, Tuple.tuple(), rows -> controlState(rows.iterator().next()));
  }

  private static ControlState controlState(Row row) {
    if (!row.getString("read_only").equals("off")) {
      throw new RegistryException.Unavailable(
          "the registry database is read-only, expected the primary");
    }
    return new ControlState(
        row.getOffsetDateTime("at").toInstant(),
        row.getLong("audit_seq"),
        objects(row.getJsonArray("pointers"), RegistryDatabase::pointer),
        objects(row.getJsonArray("forced"), RegistryDatabase::forced),
        objects(row.getJsonArray("trials"), TrialTable::trial));
  }

  private static <T> List<T> objects(@Nullable JsonArray array, Function<JsonObject, T> map) {
    return array == null
        ? List.of()
        : IntStream.range(0, array.size()).mapToObj(array::getJsonObject).map(map).toList();
  }

  private static Pointer pointer(JsonObject p) {
    Instant pinnedAt = instant(p, "pinned_at");
    return new Pointer(
        p.getString("model"),
        p.getInteger("revision"),
        p.getString("version"),
        p.getString("digest"),
        pinnedAt == null
            ? null
            : new Pointer.Pin(p.getString("pin_actor"), p.getString("pin_reason"), pinnedAt),
        required(p, "updated_at"));
  }

  private static ForcedMode forced(JsonObject f) {
    return new ForcedMode(
        f.getString("scope"),
        f.getString("reason"),
        f.getString("actor"),
        required(f, "set_at"),
        instant(f, "expires_at"),
        UUID.fromString(f.getString("audit_id")),
        f.getLong("audit_seq"));
  }

  private static Instant required(JsonObject object, String key) {
    return OffsetDateTime.parse(object.getString(key)).toInstant();
  }

  private static @Nullable Instant instant(JsonObject object, String key) {
    return object.getString(key) == null ? null : required(object, key);
  }
}
