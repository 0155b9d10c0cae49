package io.apgms.ml.registry;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.util.List;
import java.util.Objects;

/**
 * What a gate said of one artifact.
 *
 * @param reasons one line each, naming the offending and the expected value; of a pass, what was
 *     measured; never empty
 * @param measured one line a figure, with its interval and size where it has them; may be empty. It
 *     is worked out anew where it is wanted, and stands in no document
 */
public record GateResult(
    Gate gate, Outcome outcome, List<String> reasons, @JsonIgnore List<String> measured) {
  /** {@code inconclusive}: nothing could be measured, so nothing is proved. It never passes. */
  public enum Outcome {
    pass,
    fail,
    inconclusive
  }

  public GateResult {
    reasons = List.copyOf(reasons);
    measured = List.copyOf(Objects.requireNonNullElse(measured, List.of())); // read: null
    if (reasons.isEmpty()) {
      throw new RegistryException.Invalid(
          "gate " + gate + " gives no reason, expected one or more");
    }
  }

  /** One that measured nothing that its reasons do not say. */
  public GateResult(Gate gate, Outcome outcome, List<String> reasons) {
    this(gate, outcome, reasons, List.of());
  }
}
