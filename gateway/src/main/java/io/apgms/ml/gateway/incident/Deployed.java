package io.apgms.ml.gateway.incident;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A model's revisions, newest first, as {@code GET /admin/models/{m}/deployments} gives them.
 *
 * @param model its id
 */
public record Deployed(String model, List<Revision> newestFirst) {
  private static final Duration WATCH = Duration.ofHours(24);

  /** One of them. */
  public record Revision(
      int number,
      String version,
      Change.Kind kind,
      Instant at,
      @Nullable String from,
      @Nullable String ticket,
      String auditId) {

    /** The version it left as bad; null where it left none. */
    @Nullable String leftAsBad() {
      boolean back = kind == Change.Kind.rollback || kind == Change.Kind.pin;
      return back && !version.equals(from) ? from : null;
    }
  }

  /** Reads the answer. */
  public static Deployed of(String model, JsonNode answer) {
    List<Revision> revisions = new ArrayList<>();
    for (JsonNode d : answer.path("deployments")) {
      revisions.add(
          new Revision(
              d.path("revision").asInt(),
              d.path("version").asText(),
              Change.Kind.valueOf(d.path("kind").asText()),
              Instant.parse(d.path("at").asText()),
              d.hasNonNull("from") ? d.path("from").asText() : null,
              d.hasNonNull("ticket") ? d.path("ticket").asText() : null,
              d.path("auditId").asText()));
    }
    return new Deployed(model, List.copyOf(revisions));
  }

  /** Where none could be read. */
  public static Deployed unknown(String model) {
    return new Deployed(model, List.of());
  }

  /** The version that serves; empty where it is not known. */
  public String active() {
    return newestFirst.isEmpty() ? "" : newestFirst.get(0).version();
  }

  /** Whether a revision was made by somebody in the day before. */
  public boolean watched(Instant at) {
    return newestFirst.stream()
        .anyMatch(
            r ->
                r.kind() != Change.Kind.bootstrap
                    && !r.at().isAfter(at)
                    && r.at().isAfter(at.minus(WATCH)));
  }

  /**
   * Where a rollback without a revision leads: as the registry decides it, the newest version that
   * was not left as bad after its last activation.
   */
  public Optional<String> lastGood() {
    Set<String> activatedLater = new HashSet<>();
    Set<String> bad = new HashSet<>();
    for (Revision revision : newestFirst) {
      activatedLater.add(revision.version());
      String left = revision.leftAsBad();
      if (left != null && !activatedLater.contains(left)) {
        bad.add(left);
      }
      if (!revision.version().equals(active()) && !bad.contains(revision.version())) {
        return Optional.of(revision.version());
      }
    }
    return Optional.empty();
  }

  /** Whether a later revision left what a change brought. */
  boolean left(Change change) {
    return newestFirst.stream()
        .anyMatch(
            r ->
                r.at().isAfter(change.at())
                    && change.version() != null
                    && change.version().equals(r.leftAsBad()));
  }

  /** The newest promotion, or that revision. */
  public Optional<Revision> promotion(@Nullable Integer number) {
    return newestFirst.stream()
        .filter(
            r -> number == null ? r.kind() == Change.Kind.promote : r.number() == number.intValue())
        .findFirst();
  }

  /** The revision after one, where it came by that time. */
  public @Nullable Revision next(Revision revision, Instant until) {
    return newestFirst.stream()
        .filter(r -> r.number() == revision.number() + 1 && !r.at().isAfter(until))
        .findFirst()
        .orElse(null);
  }

  /**
   * The versions that were left as bad in a time; the one that served at its end where none was.
   */
  public List<String> suspects(Instant from, Instant to) {
    Set<String> left = new LinkedHashSet<>();
    for (Revision revision : newestFirst) {
      String bad = revision.leftAsBad();
      if (bad != null && !revision.at().isBefore(from) && !revision.at().isAfter(to)) {
        left.add(bad);
      }
    }
    return left.isEmpty()
        ? newestFirst.stream()
            .filter(r -> !r.at().isAfter(to))
            .map(Revision::version)
            .limit(1)
            .toList()
        : List.copyOf(left);
  }

  List<Change> changes() {
    return newestFirst.stream()
        .map(
            r ->
                new Change(
                    r.at(),
                    r.kind(),
                    Words.text(
                        "%s %s -> %s, revision %d%s",
                        r.kind(),
                        r.from() == null ? "none" : r.from(),
                        r.version(),
                        r.number(),
                        r.ticket() == null ? "" : ", " + r.ticket()),
                    r.version(),
                    r.from(),
                    r.auditId()))
        .toList();
  }
}
