package io.apgms.ml.registry;

import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The alerts that fired, as Alertmanager told them: the newest 10,000, for 90 days. */
public final class Alerts {
  /** Most alerts of one {@link #put} and one {@link #between}. */
  public static final int MAX = 500;

  // Old ones go with each writing, at most 1,000, none that another writing removes or adds. Rows
  // are
  // taken in the order of keys, so that two writings never wait for each other.
  private static final String PUT =
      "WITH old AS (DELETE FROM registry.alert WHERE (fingerprint, starts_at) IN ("
          + "SELECT fingerprint, starts_at FROM registry.alert WHERE seen_at < greatest("
          + "clock_timestamp() - interval '90 days', (SELECT seen_at FROM registry.alert"
          + " ORDER BY seen_at DESC OFFSET 9999 LIMIT 1)) AND fingerprint <> ALL ($1)"
          + " ORDER BY seen_at LIMIT 1000 FOR UPDATE SKIP LOCKED))"
          + " INSERT INTO registry.alert AS a"
          + " (fingerprint, starts_at, ends_at, name, labels, summary, seen_at)"
          + " SELECT u.fingerprint, u.starts_at, u.ends_at, u.name, u.labels::jsonb, u.summary,"
          + " clock_timestamp() FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[],"
          + " $4::text[], $5::text[], $6::text[])"
          + " AS u (fingerprint, starts_at, ends_at, name, labels, summary)"
          + " ORDER BY u.fingerprint, u.starts_at"
          + " ON CONFLICT (fingerprint, starts_at) DO UPDATE SET ends_at = excluded.ends_at,"
          + " summary = excluded.summary, seen_at = excluded.seen_at";

  private static final String BETWEEN =
      "SELECT * FROM registry.alert WHERE starts_at < $2 AND (ends_at IS NULL OR ends_at >= $1)"
          + " ORDER BY starts_at DESC, fingerprint LIMIT $3";

  private final Database db;

  Alerts(Database db) {
    this.db = db;
  }

  /**
   * An alert and when it was heard of last.
   *
   * @param seenAt the database's clock
   */
  public record Heard(Alert alert, Instant seenAt) {}

  private record Key(String fingerprint, Instant startsAt) {}

  /** Adds alerts, or what is new of them; of one that is there twice the last counts. */
  public Future<Void> put(Collection<Alert> told) {
    if (told.size() > MAX) {
      return Future.failedFuture(
          new RegistryException.Invalid(told.size() + " alerts, expected at most " + MAX));
    }
    Map<Key, Alert> once = new HashMap<>();
    told.forEach(a -> once.put(new Key(a.fingerprint(), a.startsAt()), a));
    if (once.isEmpty()) {
      return Future.succeededFuture();
    }
    List<Alert> alerts = List.copyOf(once.values());
    return db.read(
        PUT,
        Tuple.tuple()
            .addArrayOfString(alerts.stream().map(Alert::fingerprint).toArray(String[]::new))
            .addArrayOfOffsetDateTime(
                alerts.stream().map(a -> Rows.offset(a.startsAt())).toArray(OffsetDateTime[]::new))
            .addArrayOfOffsetDateTime(
                alerts.stream().map(a -> offset(a.endsAt())).toArray(OffsetDateTime[]::new))
            .addArrayOfString(alerts.stream().map(Alert::name).toArray(String[]::new))
            .addArrayOfString(alerts.stream().map(Alerts::labels).toArray(String[]::new))
            .addArrayOfString(alerts.stream().map(Alert::summary).toArray(String[]::new)),
        rows -> null);
  }

  /** Those that fired at any time of a window, the last to begin first, at most {@code limit}. */
  public Future<List<Heard>> between(Instant from, Instant to, int limit) {
    return db.read(
        BETWEEN,
        Tuple.of(Rows.offset(from), Rows.offset(to), Math.min(limit, MAX)),
        rows -> Rows.list(rows, Alerts::row));
  }

  private static String labels(Alert alert) {
    return new JsonObject(new TreeMap<>(alert.labels())).encode();
  }

  private static @Nullable OffsetDateTime offset(@Nullable Instant at) {
    return at == null ? null : Rows.offset(at);
  }

  private static Heard row(Row r) {
    Map<String, String> labels = new TreeMap<>();
    r.getJsonObject("labels").forEach(e -> labels.put(e.getKey(), String.valueOf(e.getValue())));
    OffsetDateTime end = r.getOffsetDateTime("ends_at");
    return new Heard(
        new Alert(
            r.getString("fingerprint"),
            r.getOffsetDateTime("starts_at").toInstant(),
            end == null ? null : end.toInstant(),
            labels,
            r.getString("summary")),
        r.getOffsetDateTime("seen_at").toInstant());
  }
}
