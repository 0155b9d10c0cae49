package io.apgms.ml.gateway.incident;

import java.util.Map;

/**
 * Labels by verdict.
 *
 * @param more there are more than were read
 */
public record LabelCounts(Map<String, Long> byVerdict, boolean more) {
  long of(String verdict) {
    return byVerdict.getOrDefault(verdict, 0L);
  }

  /** Holds that a person has judged. */
  long judgedHolds() {
    return of("TRUE_POSITIVE") + of("FALSE_POSITIVE");
  }

  String text() {
    if (byVerdict.isEmpty()) {
      return "none";
    }
    StringBuilder text = new StringBuilder();
    byVerdict.forEach(
        (verdict, count) ->
            text.append(text.length() == 0 ? "" : ", ").append(count).append(' ').append(verdict));
    return text + (more ? " or more" : "");
  }
}
