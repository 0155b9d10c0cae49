package io.apgms.ml.registry;

import io.apgms.ml.registry.Approval.Bound;
import io.apgms.ml.registry.Approval.Kind;
import io.apgms.ml.registry.ErrorBudget.Used;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.Refusal.Rule;
import io.apgms.ml.registry.RegulatedThresholds.Difference;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What a ticket lacks, decided from what was read under its lock. Each rule lists its reason. */
final class TicketRules {
  private TicketRules() {}

  /**
   * Why a person may not approve.
   *
   * @param kind whose part it is
   * @param bound what the person saw
   */
  static List<Refusal> ofApproval(TicketState state, Kind kind, Bound bound, String actor) {
    List<Refusal> no = new ArrayList<>(ofClosed(state));
    Optional<TicketEvidence> newest = state.newest();
    if (newest.isEmpty()) {
      no.add(
          new Refusal(
              Rule.NO_EVIDENCE, state.ticket().name() + " has no evidence, expected it first"));
    } else {
      no.addAll(ofBinding(state.ticket(), newest.get(), bound));
    }
    if (state.authors().contains(actor)) {
      no.add(
          new Refusal(
              Rule.SELF_APPROVAL,
              actor + " is an author of " + state.ticket().name() + ", expected another person"));
    }
    boolean reviews = kind == Kind.peer_review;
    if (state.approvals().stream()
        .anyMatch(a -> a.actor().equals(actor) && (a.kind() == Kind.peer_review) != reviews)) {
      no.add(
          new Refusal(
              Rule.TWO_PARTS,
              actor
                  + " has "
                  + (reviews ? "signed off" : "reviewed")
                  + " this ticket, expected another person"));
    }
    return no;
  }

  /** Why a document is no evidence of this ticket. */
  static List<Refusal> ofEvidence(TicketState state, GateEvidence evidence) {
    List<Refusal> no = new ArrayList<>(ofClosed(state));
    no.addAll(
        ofArtifact(
            state.ticket(),
            "evidence",
            evidence.model(),
            evidence.version(),
            evidence.manifestDigest()));
    return no;
  }

  private static List<Refusal> ofArtifact(
      Ticket t, String what, String model, String version, String digest) {
    return t.model().equals(model)
            && t.version().equals(version)
            && t.manifestDigest().equals(digest)
        ? List.of()
        : List.of(
            new Refusal(
                Rule.OTHER_ARTIFACT,
                "%s of %s/%s with %s, expected %s/%s with %s"
                    .formatted(
                        what, model, version, digest, t.model(), t.version(), t.manifestDigest())));
  }

  /** Why a ticket cannot be closed so. */
  static List<Refusal> ofClosing(TicketState state, TicketState.Outcome outcome) {
    List<Refusal> no = new ArrayList<>(ofClosed(state));
    boolean promoted = state.promoted() != null;
    if (promoted != (outcome == TicketState.Outcome.promoted)) {
      no.add(
          new Refusal(
              promoted ? Rule.TICKET_USED : Rule.NOT_PROMOTED,
              state.ticket().name()
                  + (promoted
                      ? " made revision " + state.promoted() + ", expected outcome promoted"
                      : " has promoted nothing, expected that first, or outcome rejected")));
    }
    return no;
  }

  private static List<Refusal> ofBinding(Ticket ticket, TicketEvidence newest, Bound bound) {
    List<Refusal> no = new ArrayList<>();
    if (!ticket.manifestDigest().equals(bound.manifestDigest())) {
      no.add(
          new Refusal(
              Rule.STALE_BINDING,
              "manifest "
                  + bound.manifestDigest()
                  + ", expected "
                  + ticket.manifestDigest()
                  + " of the ticket"));
    }
    if (!newest.digest().equals(bound.evidenceDigest())) {
      no.add(
          new Refusal(
              Rule.STALE_BINDING,
              "evidence " + bound.evidenceDigest() + ", expected the newest, " + newest.digest()));
    }
    return no;
  }

  private static List<Refusal> ofClosed(TicketState state) {
    TicketState.Closure closure = state.closure();
    return closure == null
        ? List.of()
        : List.of(
            new Refusal(
                Rule.TICKET_CLOSED,
                state.ticket().name()
                    + " is closed as "
                    + closure.outcome()
                    + " by "
                    + closure.actor()
                    + ", expected an open ticket"));
  }

  /** Why a replay is none of this ticket's candidate. */
  static List<Refusal> ofReplay(TicketState state, ReplaySummary replay) {
    List<Refusal> no = new ArrayList<>(ofClosed(state));
    no.addAll(
        ofArtifact(
            state.ticket(), "replay", replay.modelId(), replay.modelVersion(), replay.digest()));
    return no;
  }

  /** Why this person's same word on the same evidence does not count again. */
  static List<Refusal> ofRepetition(
      TicketState state, Kind kind, @Nullable Waivable gate, String actor, @Nullable String base) {
    int newest = state.newest().map(TicketEvidence::n).orElse(0);
    return state.approvals().stream()
            .anyMatch(
                a ->
                    a.kind() == kind
                        && a.gate() == gate
                        && a.actor().equals(actor)
                        && a.bound().evidence() == newest
                        && Objects.equals(base(a), base))
        ? List.of(
            new Refusal(
                Rule.TWICE,
                actor
                    + " has given this approval for evidence "
                    + newest
                    + ", expected another person or new evidence"))
        : List.of();
  }

  private static @Nullable String base(Approval a) {
    Approval.Signoff signoff = a.signoff();
    return signoff == null ? null : signoff.baseDigest();
  }

  /** Why what compliance states of the thresholds does not hold. */
  static List<Refusal> ofThresholds(boolean unchanged, List<Difference> differences) {
    if (unchanged == differences.isEmpty()) {
      return List.of();
    }
    return List.of(
        new Refusal(
            Rule.THRESHOLDS,
            unchanged
                ? "thresholdsUnchanged, but "
                    + differences
                    + " would change, expected a changeReason"
                : "changeReason, but no regulated threshold changes, expected"
                    + " thresholdsUnchanged"));
  }

  /**
   * Why a promotion may not happen, all reasons at once.
   *
   * @param active what the model serves; null where nothing
   * @param used of the model's error budget
   */
  static List<Refusal> ofPromotion(
      TicketState state, PromoteCommand command, @Nullable Pointer active, Used used) {
    List<Refusal> no = new ArrayList<>(ofReadiness(state, active, used, command.rerun()));
    Ticket t = state.ticket();
    if (!t.model().equals(command.model())
        || !t.version().equals(command.version())
        || !t.manifestDigest().equals(command.digest())) {
      no.add(
          new Refusal(
              Rule.OTHER_ARTIFACT,
              t.name()
                  + " is of "
                  + t.model()
                  + "/"
                  + t.version()
                  + " with "
                  + t.manifestDigest()
                  + ", expected "
                  + command.model()
                  + "/"
                  + command.version()
                  + " with "
                  + command.digest()));
    }
    no.addAll(ofPolicy(state, command.policyDigest()));
    String who = command.actor();
    if (state.authors().contains(who)
        || state.approvals().stream().anyMatch(a -> a.actor().equals(who))) {
      no.add(
          new Refusal(
              Rule.PROMOTER,
              who
                  + " is an author or approver of "
                  + t.name()
                  + ", expected another person to promote"));
    }
    return no;
  }

  /** Evidence of other limits than those in force says nothing about these. */
  private static List<Refusal> ofPolicy(TicketState state, @Nullable String inForce) {
    String followed = state.newest().map(e -> e.evidence().policyDigest()).orElse(null);
    return inForce == null || followed == null || inForce.equals(followed)
        ? List.of()
        : List.of(
            new Refusal(
                Rule.STALE_POLICY,
                "the evidence follows policy "
                    + followed
                    + ", expected "
                    + inForce
                    + " in force: run the gates again"));
  }

  /**
   * What a ticket lacks, whoever promotes.
   *
   * @param active what the model serves; null where nothing
   * @param used of the model's error budget
   * @param rerun what the gates said just now, where they can be run here; they count before what
   *     was brought
   */
  static List<Refusal> ofReadiness(
      TicketState state, @Nullable Pointer active, Used used, List<GateResult> rerun) {
    List<Refusal> no = new ArrayList<>(ofClosed(state));
    no.addAll(ofTarget(state, active));
    no.addAll(ofGates(state, rerun));
    no.addAll(WaiverRules.ofBudget(state, used));
    if (state.valid().noneMatch(a -> a.kind() == Kind.peer_review)) {
      no.add(missing(state, Rule.NO_PEER_REVIEW, "peer review", Kind.peer_review));
    }
    String base = active == null ? null : active.digest();
    if (state
        .valid()
        .noneMatch(a -> a.kind() == Kind.risk_signoff && Objects.equals(base(a), base))) {
      no.add(
          missing(
              state, Rule.NO_SIGNOFF, "risk sign-off over the active version", Kind.risk_signoff));
    }
    return no;
  }

  private static List<Refusal> ofTarget(TicketState state, @Nullable Pointer active) {
    List<Refusal> no = new ArrayList<>();
    Ticket t = state.ticket();
    if (state.promoted() != null) {
      no.add(
          new Refusal(
              Rule.TICKET_USED,
              t.name() + " made revision " + state.promoted() + ", expected a new ticket"));
    }
    if (active == null) {
      return no;
    }
    Pointer.Pin pin = active.pin();
    if (pin != null) {
      no.add(
          new Refusal(
              Rule.PINNED,
              active.model()
                  + " is pinned to "
                  + active.version()
                  + " by "
                  + pin.actor()
                  + ", expected no pin"));
    }
    if (active.version().equals(t.version())) {
      no.add(
          new Refusal(
              Rule.ACTIVE_ALREADY,
              t.version()
                  + " is active as revision "
                  + active.revision()
                  + ", expected another version"));
    }
    return no;
  }

  /** One refusal a gate that neither passed nor is inconclusive and waived. */
  private static List<Refusal> ofGates(TicketState state, List<GateResult> rerun) {
    Optional<TicketEvidence> newest = state.newest();
    if (newest.isEmpty()) {
      return List.of(
          new Refusal(
              Rule.NO_EVIDENCE, state.ticket().name() + " has no evidence, expected it first"));
    }
    Map<Gate, GateResult> results = new EnumMap<>(Gate.class);
    newest.get().evidence().results().forEach(r -> results.put(r.gate(), r));
    List<Refusal> no = new ArrayList<>();
    for (GateResult now : rerun) {
      GateResult said = results.put(now.gate(), now);
      if (said != null && said.outcome() != now.outcome()) {
        no.add(
            new Refusal(
                Rule.GATE,
                "gate "
                    + now.gate()
                    + " gives "
                    + now.outcome()
                    + " here, expected "
                    + said.outcome()
                    + " as the evidence says"));
      }
    }
    for (Gate gate : Gate.values()) {
      GateResult result = results.get(gate);
      boolean passed = result != null && result.outcome() == Outcome.pass;
      boolean waived =
          result != null
              && result.outcome() == Outcome.inconclusive
              && gate != Gate.integrity
              && WaiverRules.waived(state, Waivable.of(gate));
      if (!passed && !waived) {
        no.add(new Refusal(Rule.GATE, "gate " + gate + " is " + said(result)));
      }
    }
    return no;
  }

  private static String said(@Nullable GateResult result) {
    if (result == null) {
      return "not run, expected pass";
    }
    return result.outcome()
        + " ("
        + String.join("; ", result.reasons())
        + "), expected pass"
        + (result.outcome() == Outcome.inconclusive ? " or a waiver by compliance" : "");
  }

  /** What is missing, with why those that are there do not count. */
  private static Refusal missing(TicketState state, Rule rule, String what, Kind kind) {
    StringBuilder why = new StringBuilder(state.ticket().name() + " has no valid " + what);
    state.approvals().stream()
        .filter(a -> a.kind() == kind)
        .forEach(
            a -> {
              String voided = state.voided(a);
              why.append("; that of ").append(a.actor()).append(" is ");
              why.append(voided == null ? "over " + baseVersion(a) : voided);
            });
    return new Refusal(rule, why + ", expected one");
  }

  private static String baseVersion(Approval a) {
    Approval.Signoff signoff = a.signoff();
    return signoff == null || signoff.baseVersion() == null ? "no version" : signoff.baseVersion();
  }
}
