package io.apgms.ml.registry;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;

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
    measured = List.copyOf(measured);
    if (reasons.isEmpty()) {
      throw new RegistryException.Invalid(
          "gate " + gate + " gives no reason, expected one or more");
    }
  }

  /** One that measured nothing that its reasons do not say; also what a document says. */
  @JsonCreator
  public GateResult(
      @JsonProperty("gate") Gate gate,
      @JsonProperty("outcome") Outcome outcome,
      @JsonProperty("reasons") List<String> reasons) {
    this(gate, outcome, reasons, List.of());
  }
}
