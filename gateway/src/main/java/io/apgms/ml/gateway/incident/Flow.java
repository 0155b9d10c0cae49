package io.apgms.ml.gateway.incident;

import java.time.Instant;
import java.util.function.Predicate;

/**
 * Requests of a model in the window before a time.
 *
 * @param answered with a decision
 * @param late of these, over the latency's bound
 * @param failed ended in an error or a refusal
 */
record Flow(double answered, double late, double failed) {
  static Flow at(Reading reading, Bounds bounds, Instant time) {
    Flow counted = of(reading, bounds, time, Reading.ALL);
    return new Flow(
        counted.answered, counted.late, counted.failed + limited(reading, counted, time));
  }

  /** Of one version; those that were refused unread are nobody's. */
  static Flow at(Reading reading, Bounds bounds, Instant time, String version) {
    return of(reading, bounds, time, track -> track.label("version").equals(version));
  }

  private static Flow of(Reading reading, Bounds bounds, Instant time, Predicate<Track> wanted) {
    Histogram took = Histogram.at(reading, time, wanted);
    return new Flow(
        reading.sum(Series.REQUESTS, time, wanted.and(t -> t.label("outcome").equals("success"))),
        took.over(bounds.latencySeconds()),
        reading.sum(Series.REQUESTS, time, wanted.and(Flow::wrong)));
  }

  private static boolean wrong(Track track) {
    return track.label("outcome").equals("error") || track.label("outcome").equals("rejected");
  }

  /** Refused before it was read of which model they are: by the models' shares of the others. */
  private static double limited(Reading reading, Flow counted, Instant time) {
    double limited = reading.sum(Series.REJECTED, time, t -> t.label("reason").equals("limited"));
    double everyones =
        reading.sum(
            Series.EVERYONES,
            time,
            t -> !t.label("model").equals("none") && !t.label("outcome").equals("client_error"));
    return everyones <= 0 ? 0 : limited * Math.min(1, counted.all() / everyones);
  }

  double all() {
    return answered + failed;
  }

  /** NaN where there are too few to say. */
  double failedShare() {
    return all() < Bounds.LEAST ? Double.NaN : share(failed, all());
  }

  /** NaN where there are too few to say. */
  double lateShare() {
    return answered < Bounds.LEAST ? Double.NaN : share(late, answered);
  }

  private static double share(double wrong, double all) {
    return wrong < Bounds.LEAST_WRONG ? 0 : Math.min(1, wrong / all);
  }
}
