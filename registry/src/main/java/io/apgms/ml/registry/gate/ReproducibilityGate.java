package io.apgms.ml.registry.gate;

import io.apgms.ml.registry.Gate;
import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.GateResult.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Whether training again gave what was shipped. Pure: the comparison and the policy decide. */
public final class ReproducibilityGate {
  private ReproducibilityGate() {}

  /**
   * What a second run in a clean folder gave, beside the first.
   *
   * @param commit that training_run.json names and that was built and run
   * @param weights of model.pt
   * @param metrics of evaluation.json and bias_report.json
   * @param run of training_run.json: rows, epochs, losses, baselines
   * @param digest of the training image, or of the jar and its libraries
   */
  public record Comparison(
      String commit, Difference weights, Difference metrics, Difference run, Digests digest) {}

  /**
   * How two files differ.
   *
   * @param identical every byte is the same, but for what other parts of the comparison compare
   * @param largest largest absolute difference of two numbers at the same place; 0 where identical,
   *     infinite where the two do not have the same places
   */
  public record Difference(boolean identical, double largest) {}

  /** The digest that was recorded, and that of the second run. */
  public record Digests(String expected, String actual) {}

  /** Pass only for the same bits; what is merely near is inconclusive. */
  public static GateResult check(Comparison c, Policy.Reproducibility policy) {
    List<String> fails = new ArrayList<>();
    List<String> near = new ArrayList<>();
    judge("weights of model.pt", c.weights(), policy, fails, near);
    judge("metrics", c.metrics(), policy, fails, near);
    judge("training_run.json", c.run(), policy, fails, near);
    if (!c.digest().actual().equals(c.digest().expected())) {
      fails.add(
          "digest of the trainer is "
              + c.digest().actual()
              + ", expected "
              + c.digest().expected());
    }
    if (!fails.isEmpty()) {
      fails.addAll(near);
      return new GateResult(Gate.reproducibility, Outcome.fail, fails);
    }
    return near.isEmpty()
        ? new GateResult(
            Gate.reproducibility,
            Outcome.pass,
            List.of(
                "bit-identical from commit "
                    + c.commit()
                    + ": weights, metrics, training_run.json and trainer "
                    + c.digest().expected()))
        : new GateResult(Gate.reproducibility, Outcome.inconclusive, near);
  }

  private static void judge(
      String what,
      Difference difference,
      Policy.Reproducibility policy,
      List<String> fails,
      List<String> near) {
    double largest = difference.largest();
    if (difference.identical() && largest == 0) {
      return;
    }
    if (Double.isInfinite(largest) || Double.isNaN(largest)) {
      fails.add(what + ": not the same numbers at the same places, expected what was shipped");
    } else if (largest <= policy.equivalent()) {
      near.add(
          what
              + String.format(
                  Locale.ROOT, ": numerically equivalent, largest difference %.3g", largest)
              + ", expected the same bits: does this processor round differently?");
    } else {
      fails.add(
          what
              + String.format(Locale.ROOT, ": largest difference %.3g, expected at most ", largest)
              + policy.equivalent());
    }
  }
}
