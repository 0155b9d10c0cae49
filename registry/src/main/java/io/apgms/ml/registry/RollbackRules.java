package io.apgms.ml.registry;

import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What a model may be rolled back to, decided from what was read under the pointer's lock. */
final class RollbackRules {
  private RollbackRules() {}

  /**
   * The newest revision whose version is neither the active one nor one that was left as bad since
   * it last became active; Conflict when there is none.
   *
   * @param newestFirst the newest revisions without a gap; those before them cannot change the
   *     answer, since whatever makes a listed version bad comes after its listing
   */
  static Deployment lastGood(List<Deployment> newestFirst, Pointer on) {
    Set<String> activatedLater = new HashSet<>();
    Set<String> bad = new HashSet<>();
    for (Deployment d : newestFirst) {
      activatedLater.add(d.version());
      if (d.rolledBackFrom() != null && !activatedLater.contains(d.rolledBackFrom())) {
        bad.add(d.rolledBackFrom());
      }
      if (!d.version().equals(on.version()) && !bad.contains(d.version())) {
        return d;
      }
    }
    throw new RegistryException.Conflict(
        "model "
            + on.model()
            + " at "
            + on.version()
            + " has no earlier version that was not rolled back from: name a revision");
  }

  static void requireUnpinned(Pointer on) {
    Pointer.Pin pin = on.pin();
    if (pin != null) {
      throw new RegistryException.Conflict(
          "model "
              + on.model()
              + " is pinned to "
              + on.version()
              + " by "
              + pin.actor()
              + " since "
              + pin.at()
              + " ("
              + pin.reason()
              + "): remove the pin first");
    }
  }

  /** A pin goes around no gate: only what was active once can be held. */
  static Deployment requireServed(Optional<Deployment> served, Pointer on, String version) {
    return served.orElseThrow(
        () ->
            new RegistryException.Conflict(
                "version "
                    + version
                    + " of model "
                    + on.model()
                    + " was never active: it cannot be pinned, only promoted"));
  }

  static void requireOther(Deployment target, Pointer on) {
    if (target.version().equals(on.version())) {
      throw new RegistryException.Conflict(
          "version "
              + on.version()
              + " of model "
              + on.model()
              + " is active already, as revision "
              + on.revision());
    }
  }

  static void requireVerified(Deployment target, @Nullable String digest) {
    if (digest != null && !digest.equals(target.digest())) {
      throw new RegistryException.Conflict(
          "the verified artifact has "
              + digest
              + ", expected "
              + target.digest()
              + " of revision "
              + target.revision()
              + " (version "
              + target.version()
              + ")");
    }
  }
}
