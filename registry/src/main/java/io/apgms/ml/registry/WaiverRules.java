package io.apgms.ml.registry;

import io.apgms.ml.registry.Approval.Kind;
import io.apgms.ml.registry.ErrorBudget.Used;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.Refusal.Rule;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What can be waived, and the error budget, which is refused until it is. */
final class WaiverRules {
  private WaiverRules() {}

  /**
   * A failed gate is never waived, nor integrity; a passed gate and a budget of which something is
   * left need no waiver.
   */
  static List<Refusal> ofWaiver(TicketState state, Waivable gate, Used used) {
    if (gate == Waivable.error_budget) {
      return used.isSpent()
          ? List.of()
          : List.of(
              new Refusal(
                  Rule.NOTHING_TO_WAIVE,
                  budget(state, used) + ", expected it to be spent: only that can be waived"));
    }
    if (gate == Waivable.integrity) {
      return List.of(
          new Refusal(Rule.NOTHING_TO_WAIVE, "gate integrity, expected another: it has to pass"));
    }
    Outcome outcome = state.newest().map(e -> outcomes(e).get(gate)).orElse(null);
    return outcome == Outcome.inconclusive
        ? List.of()
        : List.of(
            new Refusal(
                Rule.NOTHING_TO_WAIVE,
                "gate "
                    + gate
                    + " is "
                    + (outcome == null ? "not run" : outcome)
                    + ", expected inconclusive: only that can be waived"));
  }

  /** Nothing more is put at risk while what the SLO allows has gone wrong already. */
  static List<Refusal> ofBudget(TicketState state, Used used) {
    return !used.isSpent() || waived(state, Waivable.error_budget)
        ? List.of()
        : List.of(
            new Refusal(
                Rule.ERROR_BUDGET,
                budget(state, used)
                    + ", expected more than 0, or a waiver by compliance (--gate "
                    + Waivable.error_budget.word()
                    + ")"));
  }

  private static String budget(TicketState state, Used used) {
    return String.format(
        Locale.ROOT,
        "the error budget of %s over 30 days has %.4f left: %d bad of %d requests, %.1f allowed,"
            + " counted from %d requests on",
        state.ticket().model(),
        used.remaining(),
        used.bad(),
        used.requests(),
        used.allowed(),
        ErrorBudget.MIN_REQUESTS);
  }

  /** Whether compliance's word on it counts now. */
  static boolean waived(TicketState state, Waivable gate) {
    return state.valid().anyMatch(a -> a.kind() == Kind.waiver && a.gate() == gate);
  }

  private static Map<Waivable, Outcome> outcomes(TicketEvidence evidence) {
    Map<Waivable, Outcome> outcomes = new EnumMap<>(Waivable.class);
    evidence.evidence().results().forEach(r -> outcomes.put(Waivable.of(r.gate()), r.outcome()));
    return outcomes;
  }
}
