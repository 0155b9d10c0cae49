package io.apgms.ml.registry;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What every replica follows, of one snapshot.
 *
 * @param at the database's clock; a lease counts from before the call, by the caller's monotonic
 *     clock, never from this
 * @param auditSeq length of the audit log: each change of a forced mode is an entry of it, and
 *     those up to here are in {@code forced}
 * @param pointers one per model, by model id
 * @param forced those in force at {@code at}
 * @param trials the newest of each model that has had one, running or not
 */
public record ControlState(
    Instant at,
    long auditSeq,
    List<Pointer> pointers,
    List<ForcedMode> forced,
    List<Trial> trials) {
  public ControlState {
    pointers = List.copyOf(pointers);
    forced = List.copyOf(forced);
    trials = List.copyOf(trials);
  }

  /** What a model serves. */
  public Optional<Pointer> pointer(String model) {
    return pointers.stream().filter(p -> p.model().equals(model)).findFirst();
  }

  /** The forced observe that covers a model: its own before the one over all. */
  public Optional<ForcedMode> forced(String model) {
    return forced.stream()
        .filter(f -> f.scope().equals(model))
        .findFirst()
        .or(() -> forced.stream().filter(f -> f.scope().equals(ForcedMode.ALL)).findFirst());
  }
}
