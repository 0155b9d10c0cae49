package io.apgms.ml.feedback;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.Map;
import java.util.UUID;

/**
 * How many labels each source recorded in the last hour, beside the same hour of the weeks before:
 * a source that labels far more than it is used to is a fault, a changed model, or somebody who
 * poisons the next training.
 */
final class LabelVolume {
  static final int WEEKS = 4;

  /** Of one source in one hour; more are not counted. */
  private static final int MOST = 1_000_000;

  /** Fewer labels than this are never called a spike: a quiet source doubles by one label. */
  private static final int FEWEST = 20;

  private static final String HOURS =
      "SELECT h.week, f.source, count(*) AS labels FROM unnest($1::uuid[], $2::uuid[])"
          + " WITH ORDINALITY AS h(lo, hi, week) CROSS JOIN LATERAL (SELECT source"
          + " FROM feedback.model_feedback WHERE id >= h.lo AND id < h.hi LIMIT "
          + MOST
          + ") f GROUP BY h.week, f.source";

  private final Database db;
  private final Map<NewLabel.Source, Double> ratios = new EnumMap<>(NewLabel.Source.class);

  LabelVolume(Database db, MeterRegistry meters) {
    this.db = db;
    for (NewLabel.Source source : NewLabel.Source.values()) {
      Gauge.builder("apgms_ml_feedback_volume_ratio", this, v -> v.ratio(source))
          .description("labels of the last hour by the usual of that hour; 0 where they are few")
          .tag("source", source.name())
          .register(meters);
    }
  }

  private double ratio(NewLabel.Source source) {
    synchronized (ratios) {
      return ratios.getOrDefault(source, 0.0);
    }
  }

  /** Reads the hours that end at that time; what was known stays where the database is away. */
  Future<Void> refresh(Instant now) {
    UUID[] from = new UUID[WEEKS + 1];
    UUID[] to = new UUID[WEEKS + 1];
    for (int week = 0; week <= WEEKS; week++) {
      Instant end = now.minus(Duration.ofDays(7L * week));
      from[week] = DecisionRows.firstId(end.minus(Duration.ofHours(1)).toEpochMilli());
      to[week] = DecisionRows.firstId(end.toEpochMilli());
    }
    return db.read(HOURS, Tuple.tuple().addArrayOfUUID(from).addArrayOfUUID(to))
        .map(
            rows -> {
              Map<NewLabel.Source, long[]> hours = new EnumMap<>(NewLabel.Source.class);
              for (Row row : rows) {
                hours
                        .computeIfAbsent(
                            NewLabel.Source.valueOf(row.getString("source")),
                            source -> new long[WEEKS + 1])[(int) (row.getLong("week") - 1)] =
                    row.getLong("labels");
              }
              synchronized (ratios) {
                ratios.clear();
                hours.forEach((source, counts) -> ratios.put(source, spike(counts)));
              }
              return null;
            });
  }

  /**
   * The last hour by the mean of the others, which counts as one label at least.
   *
   * @param hours labels of the last hour first, then of that hour in each week before
   * @return 0 where the last hour has too few labels to be told from chance
   */
  static double spike(long[] hours) {
    if (hours[0] < FEWEST) {
      return 0;
    }
    long sum = 0;
    for (int week = 1; week < hours.length; week++) {
      sum += hours[week];
    }
    return hours[0] / Math.max(1.0, (double) sum / (hours.length - 1));
  }
}
