package io.apgms.ml.training.report;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** {@code evaluation.ipynb}: reads the reports beside it; nbformat 4.5. */
public final class Notebook {
  private static final String MEASURES =
      """
      import json
      evaluation = json.load(open('evaluation.json'))
      print('AUC of each fold', evaluation['crossValidation']['foldAuc'])
      for part in (evaluation['crossValidation']['overall'], evaluation['holdout']):
          print({k: v for k, v in part.items() if k != 'calibration'})
      """;
  private static final String CALIBRATION =
      """
      for b in evaluation['holdout']['calibration']:
          print(b['from'], b['to'], b['n'], b['meanScore'], b['rate'])
      """;
  private static final String BIAS =
      """
      bias = json.load(open('bias_report.json'))
      for g in bias['groups']:
          print(g['column'], g['band'], g['n'], g['delta'])
      """;

  private Notebook() {}

  /** The notebook's bytes. */
  public static byte[] of(String model) {
    Map<String, Object> notebook = new TreeMap<>();
    notebook.put("nbformat", 4);
    notebook.put("nbformat_minor", 5);
    notebook.put("metadata", Map.of("language_info", Map.of("name", "python")));
    notebook.put(
        "cells",
        List.of(
            markdown("title", "# Evaluation of " + model + "\n\nReads the files beside it."),
            code("measures", MEASURES),
            code("calibration", CALIBRATION),
            code("bias", BIAS)));
    return Json.write(notebook);
  }

  private static Map<String, Object> markdown(String id, String source) {
    Map<String, Object> cell = new TreeMap<>();
    cell.put("cell_type", "markdown");
    cell.put("id", id);
    cell.put("metadata", Map.of());
    cell.put("source", source);
    return cell;
  }

  private static Map<String, Object> code(String id, String source) {
    Map<String, Object> cell = markdown(id, source);
    cell.put("cell_type", "code");
    cell.put("outputs", List.of());
    cell.put("execution_count", 0);
    return cell;
  }
}
