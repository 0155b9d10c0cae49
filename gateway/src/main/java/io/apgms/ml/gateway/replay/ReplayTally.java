package io.apgms.ml.gateway.replay;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.feedback.Decision;
import java.util.Map;
import java.util.TreeMap;

/**
 * What would have been recommended otherwise: decisions counted by the direction in which a
 * candidate flips them, over all and by each value of each protected attribute, and how scores
 * would shift. Its size does not grow with the decisions.
 */
public final class ReplayTally {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Further values of any attribute count together. */
  private static final int MAX_GROUPS = 500;

  private static final int STEPS = 10_000; // of a shift: a ten-thousandth each
  private static final double[] QUANTILES = {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99};

  private final double threshold;
  private final Flips all = new Flips();
  private final Map<String, Map<String, Flips>> groups = new TreeMap<>();
  private final Map<String, Long> versions = new TreeMap<>();
  private final long[] shifts = new long[2 * STEPS + 1];
  private int groupCount;
  private double shiftSum;
  private double biggestShift;

  /**
   * Starts empty.
   *
   * @param threshold of the candidate
   */
  public ReplayTally(double threshold) {
    this.threshold = threshold;
  }

  private static final class Flips {
    private long decisions;
    private long reviewBefore;
    private long allowToReview;
    private long reviewToAllow;

    void add(boolean before, boolean after) {
      decisions++;
      reviewBefore += before ? 1 : 0;
      allowToReview += !before && after ? 1 : 0;
      reviewToAllow += before && !after ? 1 : 0;
    }

    ObjectNode into(ObjectNode out) {
      return out.put("decisions", decisions)
          .put("reviewBefore", reviewBefore)
          .put("reviewAfter", reviewBefore + allowToReview - reviewToAllow)
          .put("allowToReview", allowToReview)
          .put("reviewToAllow", reviewToAllow);
    }
  }

  /**
   * Counts a decision.
   *
   * @param score the candidate's, rounded as it is when it serves
   */
  public void add(Decision logged, double score) {
    boolean after = score >= threshold;
    all.add(logged.review(), after);
    versions.merge(logged.modelVersion(), 1L, Long::sum);
    double shift = score - logged.score();
    shiftSum += shift;
    biggestShift = Math.max(biggestShift, Math.abs(shift));
    shifts[(int) Math.rint(shift * STEPS) + STEPS]++;
    String json = logged.groupsJson();
    if (json != null) {
      attributes(json)
          .properties()
          .forEach(a -> group(a.getKey(), a.getValue().asText()).add(logged.review(), after));
    }
  }

  private static JsonNode attributes(String json) {
    try {
      return JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("stored groups are no JSON", e);
    }
  }

  private Flips group(String attribute, String value) {
    Map<String, Flips> values = groups.computeIfAbsent(bounded(attribute), a -> new TreeMap<>());
    String kept = groupCount < MAX_GROUPS || values.containsKey(value) ? value : "(others)";
    return values.computeIfAbsent(
        kept,
        v -> {
          groupCount++;
          return new Flips();
        });
  }

  private String bounded(String attribute) {
    return groupCount < MAX_GROUPS || groups.containsKey(attribute) ? attribute : "(others)";
  }

  /** All of it, into an object. */
  public void into(ObjectNode out) {
    all.into(out);
    ObjectNode by = out.putObject("byVersion");
    versions.forEach(by::put);
    ObjectNode shift = out.putObject("scoreShift");
    if (all.decisions > 0) {
      shift.put("mean", rounded(shiftSum / all.decisions));
      for (double q : QUANTILES) {
        shift.put("p" + Math.round(q * 100), quantile(q));
      }
      shift.put("biggest", rounded(biggestShift));
    }
    ArrayNode list = out.putArray("groups");
    groups.forEach(
        (attribute, values) ->
            values.forEach(
                (value, flips) ->
                    flips.into(list.addObject().put("attribute", attribute).put("value", value))));
  }

  /** The smallest step that this share of the shifts does not exceed. */
  private double quantile(double share) {
    long rank = (long) Math.ceil(share * all.decisions);
    long seen = 0;
    for (int i = 0; i < shifts.length; i++) {
      seen += shifts[i];
      if (seen >= rank) {
        return (i - STEPS) / (double) STEPS;
      }
    }
    throw new IllegalStateException("counted " + seen + ", expected " + all.decisions);
  }

  private static double rounded(double value) {
    return Math.rint(value * 1e6) / 1e6;
  }
}
