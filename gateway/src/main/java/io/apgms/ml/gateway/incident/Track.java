package io.apgms.ml.gateway.incident;

import java.time.Instant;
import java.util.Map;
import java.util.NavigableMap;

/**
 * One series over time.
 *
 * @param points NaN where Prometheus says NaN; nothing where it has nothing
 */
public record Track(Map<String, String> labels, NavigableMap<Instant, Double> points) {
  double at(Instant time) {
    return points.getOrDefault(time, Double.NaN);
  }

  String label(String name) {
    return labels.getOrDefault(name, "");
  }
}
