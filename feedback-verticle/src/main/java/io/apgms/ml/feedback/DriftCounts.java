package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import java.time.Duration;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.UUID;

/** What all replicas together have scored, for drift; by the database's clock. */
public final class DriftCounts {
  /** What counts are kept by. */
  public static final Duration BUCKET = Duration.ofMinutes(10);

  private static final int MAX_COLUMNS = 20_000; // of one sum

  // Buckets are kept for three days, so that the days in them are written even after an outage.
  // What is older goes with each report, at most 1,000 rows, none that another report is removing.
  // Rows are taken in order, so that two reports never wait for each other. A version's cells are
  // fixed by its manifest; where another module had its name the newer one begins anew.
  private static final String ADD =
      "WITH old AS (DELETE FROM feedback.drift_count WHERE (at, model_id, model_version, feature)"
          + " IN (SELECT at, model_id, model_version, feature FROM feedback.drift_count"
          + " WHERE at < statement_timestamp() - interval '72 hours' ORDER BY at LIMIT 1000"
          + " FOR UPDATE SKIP LOCKED)),"
          + " gone AS (DELETE FROM feedback.drift_reporter WHERE id IN (SELECT id"
          + " FROM feedback.drift_reporter WHERE id <> $1"
          + " AND at < statement_timestamp() - interval '1 day' LIMIT 100 FOR UPDATE SKIP LOCKED)),"
          + " once AS (INSERT INTO feedback.drift_reporter AS r (id, seq, at)"
          + " VALUES ($1, $2, clock_timestamp()) ON CONFLICT (id) DO UPDATE SET seq = excluded.seq,"
          + " at = excluded.at WHERE r.seq < excluded.seq RETURNING 1)"
          + " INSERT INTO feedback.drift_count AS c (at, model_id, model_version, feature,"
          + " baseline, cells, missing, refused_missing, refused_range, reviews)"
          + " SELECT date_bin('10 minutes', clock_timestamp(), timestamptz 'epoch'), u.m, u.v, u.f,"
          + " u.b, u.c, u.n, u.a, u.o, u.r FROM once, jsonb_to_recordset($3) AS u (m text, v text,"
          + " f text, b bigint[], c bigint[], n bigint, a bigint, o bigint, r bigint)"
          + " ORDER BY u.m, u.v, u.f"
          + " ON CONFLICT (at, model_id, model_version, feature) DO UPDATE SET"
          + " baseline = excluded.baseline, cells = CASE WHEN c.baseline = excluded.baseline"
          + " THEN ARRAY(SELECT x + y FROM unnest(c.cells, excluded.cells) WITH ORDINALITY"
          + " AS z (x, y, i) ORDER BY i) ELSE excluded.cells END,"
          + " missing = c.missing + excluded.missing,"
          + " refused_missing = c.refused_missing + excluded.refused_missing,"
          + " refused_range = c.refused_range + excluded.refused_range,"
          + " reviews = c.reviews + excluded.reviews";

  private static final String SUMS =
      "WITH d AS MATERIALIZED (SELECT * FROM feedback.drift_count WHERE BOUNDS),"
          + " k AS (SELECT model_id, model_version, feature, baseline,"
          + " sum(missing)::bigint AS missing, sum(refused_missing)::bigint AS refused_missing,"
          + " sum(refused_range)::bigint AS refused_range, sum(reviews)::bigint AS reviews"
          + " FROM d GROUP BY 1, 2, 3, 4),"
          + " e AS (SELECT model_id, model_version, feature, baseline, i, sum(x)::bigint AS s"
          + " FROM d, unnest(d.cells) WITH ORDINALITY AS z (x, i) GROUP BY 1, 2, 3, 4, 5),"
          + " a AS (SELECT model_id, model_version, feature, baseline,"
          + " array_agg(s ORDER BY i) AS cells FROM e GROUP BY 1, 2, 3, 4)"
          + " SELECT * FROM k JOIN a USING (model_id, model_version, feature, baseline)"
          + " ORDER BY model_id, model_version, feature LIMIT "
          + MAX_COLUMNS;

  /** Reaches back to the start of the bucket that the window begins in. */
  private static final String WINDOW =
      SUMS.replace(
          "BOUNDS",
          "at > statement_timestamp() - $1::float8 * interval '1 second' - interval '10 minutes'");

  private static final String DAY =
      SUMS.replace(
          "BOUNDS",
          "at >= $1::date::timestamp AT TIME ZONE 'UTC'"
              + " AND at < ($1::date + 1)::timestamp AT TIME ZONE 'UTC'");

  /** Days that are over and were not written; the last bucket of a day closes with it. */
  private static final String DUE =
      "SELECT DISTINCT (at AT TIME ZONE 'UTC')::date AS day FROM feedback.drift_count c"
          + " WHERE at < date_trunc('day', statement_timestamp() AT TIME ZONE 'UTC')"
          + " AT TIME ZONE 'UTC' AND at >= statement_timestamp() - interval '72 hours'"
          + " AND NOT EXISTS (SELECT 1 FROM feedback.feature_drift f"
          + " WHERE f.day = (c.at AT TIME ZONE 'UTC')::date) ORDER BY 1 LIMIT 4";

  private static final String WRITE =
      "INSERT INTO feedback.feature_drift (day, model_id, model_version, feature, rows, baseline,"
          + " cells, missing, refused_missing, refused_range, reviews, psi, jensen_shannon,"
          + " threshold, verdict) SELECT $1::date, u.m, u.v, u.f, u.rows, u.b, u.c, u.n, u.a, u.o, u.r,"
          + " u.psi, u.js, u.threshold, u.verdict FROM jsonb_to_recordset($2) AS u (m text, v text,"
          + " f text, rows bigint, b bigint[], c bigint[], n bigint, a bigint, o bigint, r bigint,"
          + " psi float8, js float8, threshold float8, verdict text)"
          + " ON CONFLICT (day, model_id, model_version, feature) DO NOTHING";

  private final Database db;

  DriftCounts(Database db) {
    this.db = db;
  }

  /**
   * Adds to the bucket of now. What was added by the same reporter with the same number, or a later
   * one, is not added again.
   *
   * @param reporter one run of one replica
   * @param seq 1, 2, 3 …
   */
  public Future<Void> add(UUID reporter, long seq, Collection<DriftCount> counts) {
    JsonArray rows = new JsonArray();
    counts.forEach(count -> rows.add(json(count)));
    return db.read(ADD, Tuple.of(reporter, seq, rows)).mapEmpty();
  }

  /** What was counted in a window that ends now, by column of a version; at most 20,000 of them. */
  public Future<List<DriftCount>> over(Duration window) {
    return db.read(WINDOW, Tuple.of((double) window.toSeconds())).map(DriftCounts::counts);
  }

  /** What was counted on a day (UTC). */
  public Future<List<DriftCount>> on(LocalDate day) {
    return db.read(DAY, Tuple.of(day)).map(DriftCounts::counts);
  }

  /** Days that are over, were counted on and have not been written; oldest first. */
  public Future<List<LocalDate>> due() {
    return db.read(DUE, Tuple.tuple())
        .map(
            rows -> {
              List<LocalDate> days = new ArrayList<>();
              rows.forEach(row -> days.add(row.getLocalDate("day")));
              return days;
            });
  }

  /** Writes a day; what another replica has written of it stays. */
  public Future<Void> write(LocalDate day, List<DriftDay> columns) {
    JsonArray rows = new JsonArray();
    for (DriftDay c : columns) {
      rows.add(
          json(c.counts())
              .put("rows", c.rows())
              .put("psi", c.psi())
              .put("js", c.jensenShannon())
              .put("threshold", c.threshold())
              .put("verdict", c.verdict()));
    }
    return db.read(WRITE, Tuple.of(day, rows)).mapEmpty();
  }

  private static JsonObject json(DriftCount c) {
    return new JsonObject()
        .put("m", c.modelId())
        .put("v", c.modelVersion())
        .put("f", c.feature())
        .put("b", array(c.baseline()))
        .put("c", array(c.cells()))
        .put("n", c.missing())
        .put("a", c.refusedMissing())
        .put("o", c.refusedRange())
        .put("r", c.reviews());
  }

  private static JsonArray array(long[] values) {
    JsonArray array = new JsonArray();
    for (long value : values) {
      array.add(value);
    }
    return array;
  }

  private static List<DriftCount> counts(RowSet<Row> rows) {
    List<DriftCount> counts = new ArrayList<>();
    for (Row row : rows) {
      counts.add(
          new DriftCount(
              row.getString("model_id"),
              row.getString("model_version"),
              row.getString("feature"),
              longs(row.getArrayOfLongs("baseline")),
              longs(row.getArrayOfLongs("cells")),
              row.getLong("missing"),
              row.getLong("refused_missing"),
              row.getLong("refused_range"),
              row.getLong("reviews")));
    }
    return counts;
  }

  private static long[] longs(Long[] values) {
    return Arrays.stream(values).mapToLong(Long::longValue).toArray();
  }
}
