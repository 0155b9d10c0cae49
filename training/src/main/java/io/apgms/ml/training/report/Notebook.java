package io.apgms.ml.training.report;

import io.apgms.ml.training.report.Metrics.CalibrationBin;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * {@code evaluation.ipynb}, nbformat 4.5: reads the reports beside it with Python's own library,
 * and holds the outputs that running it gives.
 *
 * <p>All numbers of the reports have at most six decimals, so that {@code %.6f} is the same text
 * here and in Python.
 */
public final class Notebook {
  private static final String MEASURES =
      """
      import json

      evaluation = json.load(open('evaluation.json'))
      print('model.pt', evaluation['modelSha256'])
      print('threshold %.6f' % evaluation['threshold'])
      print('AUC of each fold', *('%.6f' % a for a in evaluation['crossValidation']['foldAuc']))
      parts = (evaluation['crossValidation']['overall'], evaluation['holdout'])
      print('%-24s%16s%16s' % ('', 'cross-validated', 'holdout'))
      print('%-24s%16d%16d' % ('rows', *(p['rows'] for p in parts)))
      for key in ('baseRate', 'auc', 'logLoss', 'brier', 'precision', 'recall', 'selectionRate'):
          print('%-24s%16.6f%16.6f' % (key, *(p[key] for p in parts)))
      """;
  private static final String CALIBRATION =
      """
      print('%8s%8s%8s%12s%12s' % ('from', 'to', 'rows', 'mean score', 'rate'))
      for b in evaluation['holdout']['calibration']:
          print('%8.2f%8.2f%8d%12.6f%12.6f' % (b['from'], b['to'], b['n'], b['meanScore'], b['rate']))
      """;
  private static final String BIAS =
      """
      bias = json.load(open('bias_report.json'))
      assert bias['modelSha256'] == evaluation['modelSha256'], 'the reports are of two models'
      deltas = ('selectionRate', 'falsePositiveRate', 'falseNegativeRate', 'calibrationGap')
      print('%-32s%8s%12s%12s%12s%12s' % ('delta to all rows', 'rows', 'selection', 'FPR', 'FNR', 'calib.'))
      for g in bias['groups']:
          row = [g['delta'][d] for d in deltas]
          print('%-32s%8d%12.6f%12.6f%12.6f%12.6f' % (g['column'] + ': ' + g['band'], g['n'], *row))
      """;

  private Notebook() {}

  /** The notebook's bytes; {@code bias} must be of the same model. */
  public static byte[] of(Evaluation evaluation, BiasReport bias) {
    Map<String, Object> notebook = new TreeMap<>();
    notebook.put("nbformat", 4);
    notebook.put("nbformat_minor", 5);
    notebook.put(
        "metadata",
        Map.of(
            "kernelspec",
            new TreeMap<>(
                Map.of("display_name", "Python 3", "language", "python", "name", "python3")),
            "language_info",
            Map.of("name", "python")));
    notebook.put(
        "cells",
        List.of(
            markdown(
                "title",
                "# Evaluation of " + evaluation.model() + "\n\nReads the files beside it."),
            code("measures", 1, MEASURES, measures(evaluation)),
            code("calibration", 2, CALIBRATION, calibration(evaluation)),
            code("bias", 3, BIAS, bias(bias))));
    return Json.write(notebook);
  }

  private static String measures(Evaluation e) {
    StringBuilder out = new StringBuilder();
    line(out, "model.pt %s", e.modelSha256());
    line(out, "threshold %.6f", e.threshold());
    out.append("AUC of each fold");
    e.crossValidation().foldAuc().forEach(auc -> out.append(text(" %.6f", auc)));
    out.append('\n');
    Evaluation.Measures all = e.crossValidation().overall();
    Evaluation.Measures held = e.holdout();
    line(out, "%-24s%16s%16s", "", "cross-validated", "holdout");
    line(out, "%-24s%16d%16d", "rows", all.rows(), held.rows());
    String measure = "%-24s%16.6f%16.6f";
    line(out, measure, "baseRate", all.baseRate(), held.baseRate());
    line(out, measure, "auc", all.auc(), held.auc());
    line(out, measure, "logLoss", all.logLoss(), held.logLoss());
    line(out, measure, "brier", all.brier(), held.brier());
    line(out, measure, "precision", all.precision(), held.precision());
    line(out, measure, "recall", all.recall(), held.recall());
    line(out, measure, "selectionRate", all.selectionRate(), held.selectionRate());
    return out.toString();
  }

  private static String calibration(Evaluation e) {
    StringBuilder out = new StringBuilder();
    line(out, "%8s%8s%8s%12s%12s", "from", "to", "rows", "mean score", "rate");
    for (CalibrationBin b : e.holdout().calibration()) {
      line(out, "%8.2f%8.2f%8d%12.6f%12.6f", b.from(), b.to(), b.n(), b.meanScore(), b.rate());
    }
    return out.toString();
  }

  private static String bias(BiasReport bias) {
    StringBuilder out = new StringBuilder();
    line(
        out,
        "%-32s%8s%12s%12s%12s%12s",
        "delta to all rows",
        "rows",
        "selection",
        "FPR",
        "FNR",
        "calib.");
    for (BiasReport.Group g : bias.groups()) {
      BiasReport.Delta d = g.delta();
      line(
          out,
          "%-32s%8d%12.6f%12.6f%12.6f%12.6f",
          g.column() + ": " + g.band(),
          g.n(),
          d.selectionRate(),
          d.falsePositiveRate(),
          d.falseNegativeRate(),
          d.calibrationGap());
    }
    return out.toString();
  }

  private static void line(StringBuilder out, String format, Object... values) {
    out.append(text(format, values)).append('\n');
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  private static Map<String, Object> markdown(String id, String source) {
    Map<String, Object> cell = new TreeMap<>();
    cell.put("cell_type", "markdown");
    cell.put("id", id);
    cell.put("metadata", Map.of());
    cell.put("source", source);
    return cell;
  }

  private static Map<String, Object> code(String id, int count, String source, String printed) {
    Map<String, Object> cell = markdown(id, source.stripTrailing());
    cell.put("cell_type", "code");
    cell.put("execution_count", count);
    cell.put(
        "outputs",
        List.of(new TreeMap<>(Map.of("name", "stdout", "output_type", "stream", "text", printed))));
    return cell;
  }
}
