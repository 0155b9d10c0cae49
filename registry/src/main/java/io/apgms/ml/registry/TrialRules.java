package io.apgms.ml.registry;

import io.apgms.ml.registry.Refusal.Rule;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What may be on trial without a ticket, decided from what was read under the pointer's lock. */
final class TrialRules {
  private TrialRules() {}

  /**
   * Why not.
   *
   * @param newestFirst the newest revisions without a gap
   */
  static List<Refusal> ofStart(TrialCommand command, Pointer on, List<Deployment> newestFirst) {
    List<Refusal> no = new ArrayList<>();
    if (on.pin() != null) {
      no.add(
          new Refusal(
              Rule.PINNED, on.model() + " is pinned to " + on.version() + ", expected no pin"));
    }
    if (on.version().equals(command.version()) || on.digest().equals(command.digest())) {
      no.add(
          new Refusal(
              Rule.ACTIVE_ALREADY, command.version() + " is active, expected another version"));
    }
    if (command.kind() == Trial.Kind.canary) {
      no.addAll(ofCanary(command, newestFirst));
    }
    return no;
  }

  /** A canary may act: it was active before, and nobody has left it as bad since. */
  private static List<Refusal> ofCanary(TrialCommand command, List<Deployment> newestFirst) {
    String version = command.version();
    Optional<Deployment> last =
        newestFirst.stream().filter(d -> d.version().equals(version)).findFirst();
    if (last.isEmpty()) {
      return List.of(
          new Refusal(
              Rule.NO_TICKET,
              version + " was never active, expected a ticket that approves it, or a shadow"));
    }
    List<Refusal> no = new ArrayList<>();
    if (!last.get().digest().equals(command.digest())) {
      no.add(
          new Refusal(
              Rule.OTHER_ARTIFACT,
              "%s with %s, expected %s of revision %d"
                  .formatted(
                      version, command.digest(), last.get().digest(), last.get().revision())));
    }
    newestFirst.stream()
        .filter(d -> version.equals(d.rolledBackFrom()) && d.revision() > last.get().revision())
        .findFirst()
        .ifPresent(
            left ->
                no.add(
                    new Refusal(
                        Rule.ROLLED_BACK,
                        "%s was left as bad by revision %d, expected a ticket that approves it"
                            .formatted(version, left.revision()))));
    return no;
  }
}
