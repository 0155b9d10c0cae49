package io.apgms.ml.gateway.admin;

import io.apgms.ml.flags.ForcedObserve;
import io.apgms.ml.gateway.admin.PointerFile.Target;
import io.apgms.ml.registry.ControlState;
import io.apgms.ml.registry.ForcedMode;
import io.apgms.ml.registry.Pointer;
import io.apgms.ml.registry.ReplicaState;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Between the registry's records and those of the control loop. */
final class ReadState {
  private ReadState() {}

  static ForcedObserve forced(ControlState state) {
    Set<String> scopes = state.forced().stream().map(ForcedMode::scope).collect(Collectors.toSet());
    boolean all = scopes.remove(ForcedMode.ALL);
    return new ForcedObserve(all, scopes);
  }

  static Map<String, Target> targets(ControlState state) {
    return state.pointers().stream()
        .collect(
            Collectors.toMap(
                Pointer::model, p -> new Target(p.version(), p.digest(), p.revision())));
  }

  /** What this replica tells the others of itself. */
  static ReplicaState report(
      ControlVerticle.Parts parts,
      Instant startedAt,
      Map<String, Target> serving,
      Map<String, String> failures,
      @Nullable String address,
      long auditSeq) {
    Map<String, ReplicaState.Serving> now = new TreeMap<>();
    serving.forEach(
        (model, t) -> now.put(model, new ReplicaState.Serving(t.version(), t.revision())));
    Map<String, String> pins = new TreeMap<>();
    for (String model : now.keySet()) {
      String pin = parts.pins().of(model);
      if (pin != null) {
        pins.put(model, pin);
      }
    }
    return new ReplicaState(parts.replicaId(), startedAt, now, pins, failures, address, auditSeq);
  }
}
