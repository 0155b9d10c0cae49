package io.apgms.ml.registry.gate;

import io.apgms.ml.registry.Gate;
import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.registry.Manifest;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.VerifiedArtifact;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Whether a model's decisions differ between protected groups by more than the policy allows. Pure:
 * the artifact's bytes and the policy give the result. Counts are recovered from the report's
 * rates, and deltas and intervals are worked out of them: what the report says of its own deltas is
 * only checked.
 */
public final class BiasGate {
  /** Deltas are quotients of counts in double precision; 0.02 itself is within 0.02. */
  private static final double ARITHMETIC = 1e-9;

  private BiasGate() {}

  /** Never throws for what an artifact holds: a report that cannot be believed fails. */
  public static GateResult check(VerifiedArtifact artifact, Policy.Bias policy) {
    try {
      return of(artifact, policy);
    } catch (RegistryException.Corrupt e) {
      return result(Outcome.fail, List.of(String.valueOf(e.getMessage())), List.of());
    }
  }

  private static GateResult of(VerifiedArtifact artifact, Policy.Bias policy) {
    Map<String, List<String>> bands = BiasTruth.bands(Documents.of(artifact, "schema.yaml"));
    BiasReportFile report = BiasReportFile.parse(Documents.of(artifact, BiasReportFile.NAME));
    List<String> wrong = BiasTruth.wrong(report, artifact, bands);
    if (!wrong.isEmpty()) {
      return result(
          Outcome.fail,
          wrong.stream().map(line -> BiasReportFile.NAME + ": " + line).toList(),
          List.of());
    }
    List<BiasMeasure> measures =
        report.groups().stream()
            .flatMap(g -> BiasMeasure.of(g, report.all(), policy.maxDelta()).stream())
            .toList();
    List<String> lines = measures.stream().map(BiasMeasure::toString).toList();
    List<String> degenerate = degenerate(report, artifact.manifest(), policy);
    List<String> small = tooSmall(measures, policy);
    small.addAll(ungrouped(report, bands.keySet(), policy));
    List<String> over = over(measures, policy);
    if (!degenerate.isEmpty() || !over.isEmpty()) {
      return result(
          Outcome.fail, Stream.of(degenerate, over, small).flatMap(List::stream).toList(), lines);
    }
    if (bands.isEmpty()) {
      return result(
          Outcome.inconclusive,
          List.of("schema.yaml names no protected column, expected at least one"),
          lines);
    }
    return small.isEmpty()
        ? result(Outcome.pass, List.of(largest(measures, policy)), lines)
        : result(Outcome.inconclusive, small, lines);
  }

  /** A model that decides the same for everybody has no deltas, and is no model. */
  private static List<String> degenerate(
      BiasReportFile report, Manifest manifest, Policy.Bias policy) {
    List<String> out = new ArrayList<>();
    double selected = report.all().selected().value();
    if (selected < policy.minSelection() || selected > 1 - policy.minSelection()) {
      out.add(
          "degenerate: selects "
              + BiasMeasure.percent(selected)
              + " of all rows, expected "
              + BiasMeasure.percent(policy.minSelection())
              + " to "
              + BiasMeasure.percent(1 - policy.minSelection()));
    }
    long filled = manifest.scoreBaseline().counts().stream().filter(count -> count > 0).count();
    if (filled < 2) {
      out.add("degenerate: all its scores fall into one bin of the manifest's scoreBaseline");
    }
    return out;
  }

  static boolean measurable(BiasMeasure m, Policy.Bias policy) {
    return m.group().n() >= policy.minGroupRows() && m.over() >= policy.minRateRows();
  }

  private static List<String> tooSmall(List<BiasMeasure> measures, Policy.Bias policy) {
    List<String> out = new ArrayList<>();
    Map<String, Long> needed = new LinkedHashMap<>();
    for (BiasMeasure m : measures) {
      if (m.group().n() < policy.minGroupRows()) {
        needed.merge(m.group().name() + ": " + m.group().n() + " rows", m.needed(), Math::max);
      } else if (m.over() < policy.minRateRows()) {
        out.add(m + "; expected it over at least " + policy.minRateRows() + " rows");
      }
    }
    String least = ", expected at least " + policy.minGroupRows() + "; ";
    needed.forEach((group, rows) -> out.add(group + least + rows + " needed for every figure"));
    return out;
  }

  /** Rows of which the group is not known are in no delta. */
  private static List<String> ungrouped(
      BiasReportFile report, Set<String> columns, Policy.Bias policy) {
    return columns.stream()
        .map(column -> BiasTruth.Rest.of(report, column))
        .filter(rest -> rest.rows() > policy.maxUngrouped() * report.all().n())
        .map(
            rest ->
                rest.column()
                    + ": "
                    + rest.rows()
                    + " of "
                    + report.all().n()
                    + " rows in no band, expected at most "
                    + BiasMeasure.percent(policy.maxUngrouped()))
        .toList();
  }

  private static List<String> over(List<BiasMeasure> measures, Policy.Bias policy) {
    String what = policy.bound() == Policy.Bound.point ? "" : " at the farther end of the interval";
    return measures.stream()
        .filter(m -> measurable(m, policy))
        .filter(m -> !(m.compared(policy.bound()) <= policy.maxDelta() + ARITHMETIC))
        .map(m -> m + "; expected at most " + BiasMeasure.percent(policy.maxDelta()) + what)
        .toList();
  }

  private static String largest(List<BiasMeasure> measures, Policy.Bias policy) {
    return "largest of "
        + measures.size()
        + " deltas: "
        + measures.stream()
            .max(Comparator.comparingDouble(m -> m.compared(policy.bound())))
            .orElseThrow()
        + "; at most "
        + BiasMeasure.percent(policy.maxDelta());
  }

  private static GateResult result(Outcome outcome, List<String> reasons, List<String> measured) {
    return new GateResult(Gate.bias, outcome, reasons, measured);
  }
}
