package io.apgms.ml.registry.gate;

import io.apgms.ml.registry.Gate;
import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.GateResult.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Whether the running service serves a version well enough. Pure: figures and policy decide. */
public final class SmokeGate {
  /** Scores are answered with six decimals: half of the last one is no difference. */
  private static final double SAME_SCORE = 5e-7;

  private static final double ARITHMETIC = 1e-9;
  private static final int SHOWN = 5;

  private SmokeGate() {}

  /**
   * What was measured over HTTP.
   *
   * @param latenciesMs of each canary row that was scored, as the client saw it
   * @param refused one line a canary row that was not scored; each counts as wrong
   * @param right canary rows whose recommendation was the outcome
   * @param baseline the same rows by what the version is compared with
   * @param golden each golden row's score, as it must be and as it was answered
   */
  public record Figures(
      List<Double> latenciesMs,
      List<String> refused,
      long right,
      Baseline baseline,
      List<Golden> golden) {
    public Figures {
      latenciesMs = List.copyOf(latenciesMs);
      refused = List.copyOf(refused);
      golden = List.copyOf(golden);
    }

    int rows() {
      return latenciesMs.size() + refused.size();
    }
  }

  /** How many canary rows something else gets right; it is named for people. */
  public record Baseline(String name, long right) {}

  /** The score a golden row must give, and what was answered; NaN where nothing was. */
  public record Golden(double expected, double actual) {}

  /** Judges; a canary that is too small is inconclusive. */
  public static GateResult check(Figures f, Policy.Smoke policy) {
    if (f.rows() == 0) {
      return Gates.inconclusive(Gate.smoke, "the canary has no rows");
    }
    List<String> wrong = new ArrayList<>(golden(f.golden()));
    if (!f.refused().isEmpty()) {
      wrong.add(
          f.refused().size()
              + " of "
              + f.rows()
              + " canary rows not scored: "
              + f.refused().get(0));
    }
    double p95 = p95(f.latenciesMs());
    if (!(p95 < policy.p95Ms())) {
      wrong.add(text("p95 %.1f ms, expected under %.0f ms", p95, policy.p95Ms()));
    }
    double drop = (double) (f.baseline().right() - f.right()) / f.rows();
    if (!(drop < policy.maxAccuracyDrop() - ARITHMETIC)) {
      wrong.add(
          accuracy(f, drop)
              + text(", expected less than %s", BiasMeasure.percent(policy.maxAccuracyDrop())));
    }
    String measured =
        text("p95 %.1f ms; ", p95)
            + accuracy(f, drop)
            + "; "
            + f.golden().size()
            + " golden rows equal";
    if (!wrong.isEmpty()) {
      return new GateResult(Gate.smoke, Outcome.fail, wrong);
    }
    return f.rows() < policy.minCanaryRows()
        ? Gates.inconclusive(
            Gate.smoke,
            "canary of " + f.rows() + " rows, expected at least " + policy.minCanaryRows())
        : new GateResult(Gate.smoke, Outcome.pass, List.of(measured));
  }

  private static String accuracy(Figures f, double drop) {
    return text(
        "right on %d of %d canary rows, %s on %d: accuracy drops by %s",
        f.right(), f.rows(), f.baseline().name(), f.baseline().right(), BiasMeasure.percent(drop));
  }

  private static List<String> golden(List<Golden> rows) {
    List<String> wrong = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      Golden row = rows.get(i);
      if (!(Math.abs(row.actual() - row.expected()) < SAME_SCORE) && wrong.size() < SHOWN) {
        wrong.add(
            text("golden row %d scores %.6f, expected %.6f", i + 1, row.actual(), row.expected()));
      }
    }
    if (rows.isEmpty()) {
      wrong.add("no golden row, expected at least one");
    }
    return wrong;
  }

  /** The nearest-rank 95th percentile; 0 of nothing. */
  static double p95(List<Double> latenciesMs) {
    if (latenciesMs.isEmpty()) {
      return 0;
    }
    List<Double> sorted = latenciesMs.stream().sorted().toList();
    return sorted.get((int) Math.ceil(sorted.size() * 0.95) - 1);
  }

  private static String text(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}
