package io.apgms.ml.training.report;

import io.apgms.ml.training.data.ModelSchema;
import io.apgms.ml.training.report.BiasReport.Group;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * {@code report.md}: the model card (Mitchell et al., Model cards for model reporting, FAT* 2019).
 */
public final class ModelCard {
  private static final int ENOUGH_ROWS = 5000;

  private ModelCard() {}

  /** The card as Markdown. */
  public static String markdown(ModelSchema schema, Evaluation evaluation, BiasReport bias) {
    return "# "
        + schema.model()
        + "\n\n"
        + schema.title()
        + ".\n\n"
        + model(schema, evaluation)
        + data(schema, evaluation)
        + metrics(evaluation)
        + groups(bias)
        + limits(schema, evaluation, bias);
  }

  private static String model(ModelSchema schema, Evaluation evaluation) {
    if (trainedElsewhere(evaluation)) {
      return text(
          "A TorchScript module over %d columns that was trained elsewhere gives a probability. At"
              + " or above %s a case is recommended for review; a person decides.\n\n",
          schema.features().size(), number(evaluation.threshold()));
    }
    ModelSchema.Fit fit = schema.training();
    return text(
        "A network over %d columns%s (hidden layers %s, %d member%s, quantile inputs with %d knots)"
            + " gives a probability. At or above %s a case is recommended for review; a person"
            + " decides.\n\n",
        schema.features().size(),
        schema.ratios().isEmpty() ? "" : " and " + schema.ratios().size() + " ratios of them",
        fit.hidden(),
        fit.members(),
        fit.members() == 1 ? "" : "s, averaged",
        fit.knots(),
        number(evaluation.threshold()));
  }

  private static boolean trainedElsewhere(Evaluation evaluation) {
    return evaluation.crossValidation().foldAuc().isEmpty();
  }

  private static String data(ModelSchema schema, Evaluation evaluation) {
    ModelSchema.Source source = schema.source();
    String origin =
        source.generator() != null
            ? "Made-up cases of the generator `" + source.generator() + "`: no real person in them."
            : source.url()
                + (source.citation() == null ? "" : ". Cite: " + source.citation())
                + (source.licence() == null ? "" : ". Licence: " + source.licence())
                + ". No row of it is in this folder.";
    return "## Data\n\n"
        + origin
        + text(
            " Snapshot of %d rows, SHA-256 `%s`; share of positive outcomes %s.\n\n",
            evaluation.crossValidation().overall().rows(),
            evaluation.datasetSha256(),
            number(evaluation.crossValidation().overall().baseRate()));
  }

  private static String metrics(Evaluation e) {
    Evaluation.Measures cv = e.crossValidation().overall();
    Evaluation.Measures held = e.holdout();
    StringBuilder out = new StringBuilder("## Metrics\n\n");
    out.append("| | cross-validated | holdout |\n|---|---|---|\n");
    line(out, "rows", cv.rows(), held.rows());
    line(out, "AUC", cv.auc(), held.auc());
    if (cv.truthAuc() != null && held.truthAuc() != null) {
      line(out, "AUC of the true probability", cv.truthAuc(), held.truthAuc());
    }
    line(out, "log loss", cv.logLoss(), held.logLoss());
    line(out, "Brier score", cv.brier(), held.brier());
    line(out, "precision at the threshold", cv.precision(), held.precision());
    line(out, "recall at the threshold", cv.recall(), held.recall());
    line(out, "share recommended for review", cv.selectionRate(), held.selectionRate());
    String folds =
        e.crossValidation().foldAuc().stream()
            .map(ModelCard::number)
            .collect(Collectors.joining(", "));
    return out.append("\nAUC of each fold: ")
        .append(folds.isEmpty() ? "none" : folds)
        .append(".\n\n")
        .toString();
  }

  private static void line(StringBuilder out, String name, double a, double b) {
    out.append(text("| %s | %s | %s |\n", name, number(a), number(b)));
  }

  private static String groups(BiasReport bias) {
    StringBuilder out = new StringBuilder("## Groups\n\n");
    out.append("The model does not see these columns. Rates with 95 % Wilson intervals, over ");
    out.append(bias.basis()).append(" scores.\n\n");
    out.append("| group | rows | selection | FPR | FNR | mean score − rate | largest delta |\n");
    out.append("|---|---|---|---|---|---|---|\n");
    row(out, "all", bias.all());
    for (Group group : bias.groups()) {
      row(out, group.column() + ": " + group.band(), group);
    }
    return out.append('\n').toString();
  }

  private static void row(StringBuilder out, String name, Group g) {
    BiasReport.Delta d = g.delta();
    double largest =
        Math.max(
            Math.max(d.selectionRate(), d.calibrationGap()),
            Math.max(d.falsePositiveRate(), d.falseNegativeRate()));
    out.append(
        text(
            "| %s | %d | %s | %s | %s | %s | %s |\n",
            name,
            g.n(),
            rate(g.selectionRate()),
            rate(g.falsePositiveRate()),
            rate(g.falseNegativeRate()),
            number(g.calibrationGap()),
            number(largest)));
  }

  private static String limits(ModelSchema schema, Evaluation evaluation, BiasReport bias) {
    List<String> small =
        bias.groups().stream()
            .filter(g -> g.n() < ENOUGH_ROWS)
            .map(g -> g.column() + ": " + g.band())
            .toList();
    StringBuilder out = new StringBuilder("## Limits\n\n");
    out.append("- Not for cases outside the ranges of the manifest; the service refuses them.\n");
    if (trainedElsewhere(evaluation)) {
      out.append("- Trained elsewhere: nothing here can train it again, there was no");
      out.append(" cross-validation, and both columns above are the rows given when it was");
      out.append(" registered. That the model had not seen them is its maker's word.\n");
    }
    if (schema.source().generator() != null) {
      out.append("- The cases are made up: the figures show that the method works, not how good");
      out.append(" a model of real cases would be.\n");
    } else {
      out.append("- One population, place and time: measure again on your own cases.\n");
    }
    if (!small.isEmpty()) {
      out.append("- Groups under ").append(ENOUGH_ROWS);
      out.append(" rows, whose deltas may be chance: ").append(String.join("; ", small));
      out.append(".\n");
    }
    return out.append("- Correlation, not cause: no ground for a decision by itself.\n").toString();
  }

  private static String rate(Metrics.Rate rate) {
    return number(rate.value()) + " (" + number(rate.low()) + "–" + number(rate.high()) + ")";
  }

  private static String number(double value) {
    BigDecimal four = new BigDecimal(value).setScale(4, RoundingMode.HALF_EVEN);
    return four.signum() == 0 ? "0" : four.stripTrailingZeros().toPlainString();
  }

  private static String text(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}
