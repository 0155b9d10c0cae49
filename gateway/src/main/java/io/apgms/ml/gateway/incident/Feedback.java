package io.apgms.ml.gateway.incident;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * Labels of a window beside the usual.
 *
 * @param spikes sources that label far more than they use to at this hour
 */
public record Feedback(List<Volume> volumes, List<Spike> spikes) {
  private static final double SPIKE = 3;

  /**
   * Of one verdict and source.
   *
   * @param usual as many in as long, over the day before; NaN where it is not known
   */
  public record Volume(String label, String source, double count, double usual) {}

  /** How often the usual of the last four weeks, as the service's own gauge has it. */
  public record Spike(String source, double times) {}

  /**
   * Of two readings of one time each.
   *
   * @param day of the day before the window; without tracks where it is not known
   */
  public static Feedback of(Reading now, Reading day) {
    Instant at = now.grid().to();
    Duration ofDay = day.grid().window();
    double part = (double) now.grid().window().toMillis() / Math.max(1, ofDay.toMillis());
    List<Volume> volumes = new ArrayList<>();
    for (Track track : now.of(Series.LABELS)) {
      double usual = Double.NaN;
      for (Track before : day.of(Series.LABELS)) {
        if (before.labels().equals(track.labels())) {
          usual = before.at(day.grid().to()) * part;
        }
      }
      double count = track.at(at);
      if (count >= 0.5 || usual >= 0.5) {
        volumes.add(new Volume(track.label("label"), track.label("source"), count, usual));
      }
    }
    List<Spike> spikes =
        now.of(Series.LABEL_VOLUME).stream()
            .filter(track -> track.at(at) > SPIKE)
            .map(track -> new Spike(track.label("source"), track.at(at)))
            .toList();
    return new Feedback(volumes, spikes);
  }

  /** Whether FALSE_POSITIVE grew to more than three times the usual. */
  boolean falsePositives() {
    return volumes.stream()
        .anyMatch(
            v ->
                v.label().equals("FALSE_POSITIVE")
                    && v.count() >= Bounds.LEAST
                    && v.count() > SPIKE * v.usual());
  }
}
