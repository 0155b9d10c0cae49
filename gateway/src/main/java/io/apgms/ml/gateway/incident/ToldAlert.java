package io.apgms.ml.gateway.incident;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * An alert that fires as far as Alertmanager has told this service.
 *
 * @param severity empty of none
 * @param told when last; one that ended while Alertmanager could not tell stays with an old one
 */
public record ToldAlert(String name, String severity, Instant since, Instant told) {

  /** Those of a model, and those of no model, that fire at a time; the first to begin first. */
  public static List<ToldAlert> firing(JsonNode alerts, String model, Instant at) {
    List<ToldAlert> firing = new ArrayList<>();
    for (JsonNode alert : alerts) {
      String of = alert.path("modelId").asText("");
      String end = alert.path("endsAt").asText("");
      boolean ended = !end.isEmpty() && !Instant.parse(end).isAfter(at);
      if (!ended && (of.isEmpty() || of.equals(model))) {
        firing.add(
            new ToldAlert(
                alert.path("name").asText(),
                alert.path("severity").asText(""),
                Instant.parse(alert.path("startsAt").asText()),
                Instant.parse(alert.path("seenAt").asText())));
      }
    }
    firing.sort(Comparator.comparing(ToldAlert::since));
    return firing;
  }
}
