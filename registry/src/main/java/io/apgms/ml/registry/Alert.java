package io.apgms.ml.registry;

import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * One time that an alert fired, as Alertmanager tells it.
 *
 * @param fingerprint Alertmanager's name for this set of labels, 1 to 64 hex digits
 * @param startsAt microseconds
 * @param endsAt null while it fires, as far as was told
 * @param labels by name, among them {@code alertname}
 * @param summary for people; null where the rule has none
 */
public record Alert(
    String fingerprint,
    Instant startsAt,
    @Nullable Instant endsAt,
    Map<String, String> labels,
    @Nullable String summary) {
  private static final String NAME = "alertname";

  public Alert {
    labels = Map.copyOf(new TreeMap<>(labels));
    if (!labels.containsKey(NAME)) {
      throw new RegistryException.Invalid("labels without alertname, expected the alert's name");
    }
  }

  /** The rule's name. */
  public String name() {
    return String.valueOf(labels.get(NAME));
  }

  /** The model it is about; null where it is about none. */
  public @Nullable String model() {
    return labels.get("model");
  }

  public @Nullable String severity() {
    return labels.get("severity");
  }

  /** Whether it fires, as far as was told. */
  public boolean firing() {
    return endsAt == null;
  }
}
