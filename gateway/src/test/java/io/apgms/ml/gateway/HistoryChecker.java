package io.apgms.ml.gateway;

import io.apgms.ml.gateway.History.Kind;
import io.apgms.ml.gateway.History.Operation;
import io.apgms.ml.gateway.History.Outcome;
import io.apgms.ml.gateway.HistoryTables.Action;
import io.apgms.ml.gateway.HistoryTables.Stored;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Holds a history H against the database D and the receiver's log R, all read after everything came
 * to rest: sets of what must and must not be there, and one register a key. Names of the rules as
 * in docs/RELIABILITY.md.
 */
final class HistoryChecker {
  /**
   * What is in the receiver's log of one delivery, in the order of arrival.
   *
   * @param started when its sender says that it checked the mode
   */
  record Delivered(
      String eventId,
      String kind,
      String predictionId,
      String entity,
      String body,
      Instant started) {}

  /**
   * A forced observe, by the clock of the one who asked: sent, acknowledged, and when the lift that
   * ended it was sent.
   */
  record Flip(Instant asked, Instant acked, Instant lifted) {}

  /** No action starts later than this after a forced observe was acknowledged. */
  static final Duration LATEST_START = Duration.ofSeconds(3);

  private static final int MOST_TOLD = 20; // of a rule; a broken campaign breaks thousands

  private final Map<String, List<String>> violations = new HashMap<>();

  private HistoryChecker() {}

  /** What does not hold, as {@code rule: what}; at most twenty a rule, and how many more. */
  static List<String> violations(
      List<Operation> history, List<Flip> flips, HistoryTables tables, List<Delivered> received) {
    HistoryChecker checker = new HistoryChecker();
    checker.starts(flips, tables, received);
    checker.rows(history, tables);
    checker.actions(tables, received);
    List<String> told = new ArrayList<>();
    checker.violations.forEach(
        (rule, all) -> {
          all.stream().limit(MOST_TOLD).forEach(one -> told.add(rule + ": " + one));
          if (all.size() > MOST_TOLD) {
            told.add(rule + ": and " + (all.size() - MOST_TOLD) + " more");
          }
        });
    return told;
  }

  private void violated(String rule, String what) {
    violations.computeIfAbsent(rule, r -> new ArrayList<>()).add(what);
  }

  private void rows(List<Operation> history, HistoryTables tables) {
    Map<String, List<Operation>> attempts =
        history.stream().collect(Collectors.groupingBy(o -> o.asked().trace()));
    Map<String, List<Stored>> rows =
        tables.rows().stream().collect(Collectors.groupingBy(Stored::trace));
    attempts.forEach((trace, tried) -> kept(trace, tried, rows.getOrDefault(trace, List.of())));
    rows.keySet().stream()
        .filter(trace -> !attempts.containsKey(trace))
        .forEach(trace -> violated("ghost", trace + " is stored and was never sent"));
    for (Stored row : tables.rows()) {
      if (row.kind() == Kind.DECISION && row.enforced() != tables.holds().contains(row.id())) {
        violated(
            "action",
            row.trace() + (row.enforced() ? " is enforced without a hold" : " has a hold"));
      }
    }
  }

  private void kept(String trace, List<Operation> tried, List<Stored> stored) {
    List<Operation> ok = tried.stream().filter(o -> o.answered().outcome() == Outcome.OK).toList();
    if (stored.size() > 1) {
      violated("twice", trace + " is stored " + stored.size() + " times");
    }
    if (ok.stream().map(o -> o.answered().id() + o.answered().answer()).distinct().count() > 1) {
      violated("twice", trace + " was answered with more than one truth");
    }
    boolean none = tried.stream().allMatch(o -> o.answered().outcome() == Outcome.FAIL);
    if (none && !stored.isEmpty()) {
      violated("ghost", trace + " was refused each time and is stored");
    }
    for (Operation o : ok) {
      lost(o, stored);
    }
    for (Operation o : tried) {
      boolean refused = o.answered().outcome() == Outcome.FAIL && o.answered().status() > 0;
      if (o.asked().refused() ? o.answered().outcome() == Outcome.OK : refused) {
        violated("refusal", trace + " was answered " + o.answered().status());
      }
    }
  }

  private void lost(Operation o, List<Stored> stored) {
    Stored row =
        stored.stream().filter(s -> s.id().equals(o.answered().id())).findFirst().orElse(null);
    if (row == null) {
      violated("lost", o.asked().trace() + " was acknowledged as " + o.answered().id());
    } else if (!row.sent().equals(o.asked().sent())) {
      violated("lost", "sent " + o.asked().sent() + ", stored " + row.sent());
    } else if (!row.answer().equals(o.answered().answer())) {
      violated("lost", "answered " + o.answered().answer() + ", stored " + row.answer());
    }
  }

  private void starts(List<Flip> flips, HistoryTables tables, List<Delivered> received) {
    Set<String> observed =
        tables.rows().stream()
            .filter(row -> row.kind() == Kind.DECISION && !row.enforced())
            .map(Stored::id)
            .collect(Collectors.toSet());
    for (Delivered event : received) {
      if (!event.kind().equals("hold")) {
        continue; // a release undoes: it goes out in observe too
      }
      if (observed.contains(event.predictionId())) {
        violated("observe", event.predictionId() + " is held, and was not decided so");
      }
      for (Flip flip : flips) {
        if (event.started().isAfter(flip.acked().plus(LATEST_START))
            && event.started().isBefore(flip.lifted())) {
          Duration after = Duration.between(flip.acked(), event.started());
          violated(
              "late",
              "%s started %d ms after a forced observe was acknowledged"
                  .formatted(event.predictionId(), after.toMillis()));
        }
      }
    }
  }

  private void actions(HistoryTables tables, List<Delivered> received) {
    Set<String> arrived = new HashSet<>();
    Map<String, String> bodies = new HashMap<>();
    Map<String, String> last = new HashMap<>();
    for (Delivered event : received) {
      String body = bodies.putIfAbsent(event.eventId(), event.body());
      if (body != null && !body.equals(event.body())) {
        violated("event", event.eventId() + " came with two bodies");
      }
      if (!event.kind().equals("hold")) {
        continue;
      }
      if (!tables.holds().contains(event.predictionId())) {
        violated("ghost", "a hold arrived for " + event.predictionId() + ", which has none");
      }
      if (arrived.add(event.predictionId())) {
        String before = last.put(event.entity(), event.predictionId()); // UUIDv7: by time
        if (before != null && before.compareTo(event.predictionId()) > 0) {
          violated("order", event.predictionId() + " of " + event.entity() + " came after a later");
        }
      }
    }
    for (Action action : tables.actions()) {
      if (action.state().equals("pending")) {
        violated("rest", action.predictionId() + " still waits for its sink");
      } else if (action.state().equals("sent") && !arrived.contains(action.predictionId())) {
        violated("lost", "the hold of " + action.predictionId() + " never arrived");
      }
    }
  }
}
