package io.apgms.ml.registry;

import java.time.DateTimeException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a candidate would have decided otherwise, as {@code replay --json} says it.
 *
 * @param digest {@code sha256:…} of the candidate's manifest.json
 * @param from RFC 3339, of the oldest decision that could be in it
 * @param to RFC 3339
 * @param decisions how many were scored again; the next four count them by what was recommended
 * @param byVersion decisions by the version that made them
 * @param scoreShift mean, quantiles and biggest of candidate − logged; empty without decisions
 * @param groups the same counts by each value of each protected attribute
 */
public record ReplaySummary(
    String modelId,
    String modelVersion,
    String digest,
    String from,
    String to,
    long decisions,
    long reviewBefore,
    long reviewAfter,
    long allowToReview,
    long reviewToAllow,
    Map<String, Long> byVersion,
    Map<String, Double> scoreShift,
    List<Group> groups) {
  private static final int MAX_GROUPS = 510; // replay counts further ones together
  private static final int MAX_VERSIONS = 1_000;
  private static final int MAX_NAME = 1_000;

  /** Most bytes of the document. */
  public static final int MAX_BYTES = 65_536;

  public ReplaySummary {
    Names.requireModel(modelId);
    Names.requireVersion(modelVersion);
    Text.requireDigest(digest);
    if (!time(from).isBefore(time(to))) {
      throw new RegistryException.Invalid("replay: from " + from + ", expected before " + to);
    }
    requireAddsUp("all", decisions, reviewBefore, reviewAfter, allowToReview, reviewToAllow);
    byVersion = new TreeMap<>(byVersion);
    scoreShift = new TreeMap<>(scoreShift);
    groups = List.copyOf(groups);
    if (groups.size() > MAX_GROUPS || byVersion.size() > MAX_VERSIONS) {
      throw new RegistryException.Invalid(
          "replay: "
              + groups.size()
              + " groups and "
              + byVersion.size()
              + " versions, expected at most "
              + MAX_GROUPS
              + " and "
              + MAX_VERSIONS);
    }
    byVersion.keySet().forEach(Names::requireVersion);
    scoreShift.forEach(ReplaySummary::requireShift);
    long told = byVersion.values().stream().mapToLong(Long::longValue).sum();
    if (told != decisions) {
      throw new RegistryException.Invalid(
          "replay: versions made " + told + " decisions, expected " + decisions);
    }
    for (Group g : groups) {
      if (g.decisions() > decisions) {
        throw new RegistryException.Invalid(
            "replay: " + g.decisions() + " decisions of a group, expected at most " + decisions);
      }
    }
  }

  /** The counts of one value of one protected attribute. */
  public record Group(
      String attribute,
      String value,
      long decisions,
      long reviewBefore,
      long reviewAfter,
      long allowToReview,
      long reviewToAllow) {
    public Group {
      Text.requireStorable("replay: attribute", attribute, MAX_NAME);
      Text.requireStorable("replay: value", value, MAX_NAME);
      requireAddsUp(
          attribute + "=" + value,
          decisions,
          reviewBefore,
          reviewAfter,
          allowToReview,
          reviewToAllow);
    }
  }

  private static void requireAddsUp(String what, long... n) {
    long allowBefore = n[0] - n[1];
    if (n[1] < 0
        || n[3] < 0
        || n[4] < 0
        || n[3] > allowBefore
        || n[4] > n[1]
        || n[2] != n[1] + n[3] - n[4]) {
      throw new RegistryException.Invalid(
          "replay: the counts of " + what + " do not add up, expected those of one replay");
    }
  }

  private static void requireShift(String name, double shift) {
    if (!name.matches("[a-z0-9]{1,16}") || !(Math.abs(shift) <= 1)) {
      throw new RegistryException.Invalid(
          "replay: a shift of scores of " + shift + ", expected a named one from -1 to 1");
    }
  }

  private static Instant time(String text) {
    try {
      return Instant.parse(text);
    } catch (DateTimeException e) {
      throw new RegistryException.Invalid("replay: a time is not as in RFC 3339, expected UTC");
    }
  }

  /** Reads the document strictly. */
  public static ReplaySummary parse(byte[] json) {
    return StrictJson.read(json, ReplaySummary.class, "replay");
  }

  /** The document; the same summary gives the same bytes. */
  public byte[] toJson() {
    return StrictJson.bytes(this);
  }

  /** {@code sha256:…} of the document. */
  public String documentDigest() {
    return "sha256:" + ArtifactStore.sha256(toJson());
  }
}
