package io.apgms.ml.gateway.http;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import io.apgms.ml.feedback.ExportedLabel;
import io.apgms.ml.feedback.ExportedLabel.Field;
import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.scoring.ScoringRuntime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** Rows of an export as text: a JSON object a line, or CSV (RFC 4180) with a head. */
abstract class LabelRows {
  /** What both formats tell of every row, before its features. */
  private static final List<String> COLUMNS =
      List.of(
          "feedbackId",
          "predictionId",
          "modelId",
          "modelVersion",
          "modelDigest",
          "decidedAt",
          "label",
          "counts",
          "countingLabel",
          "source",
          "submittedBy",
          "notes",
          "metadata",
          "observedAt",
          "recordedAt",
          "score",
          "threshold",
          "recommendation",
          "mode",
          "enforced",
          "entityId",
          "groups");

  private static final List<Field> FIELDS = List.of(Field.values());

  /**
   * The features of a version in their order, or of the active one; none where neither is loaded.
   */
  static List<String> names(ScoringRuntime runtime, String modelId, String version) {
    return ExplanationJson.features(runtime, modelId, version).stream().map(Feature::name).toList();
  }

  /** What comes before the first row. */
  abstract String head();

  abstract void append(StringBuilder out, ExportedLabel row);

  private static @Nullable String value(ExportedLabel row, Field field) {
    return switch (field) {
      case DECIDED_AT, OBSERVED_AT, RECORDED_AT -> row.time(field);
      case COUNTS, ENFORCED -> row.isNull(field) ? null : Boolean.toString(row.flag(field));
      case REVIEW -> row.isNull(field) ? null : row.flag(field) ? "review" : "allow";
      case ACT -> row.isNull(field) ? null : row.flag(field) ? "act" : "observe";
      default -> row.text(field);
    };
  }

  private static boolean isFinite(String number) {
    return !number.equals("NaN") && !number.endsWith("Infinity");
  }

  /**
   * NDJSON: {@code inputs} by name where the version's features are known, else {@code features} in
   * their order.
   */
  static final class Ndjson extends LabelRows {
    private final BiFunction<String, String, List<String>> names;
    private final Map<String, List<String>> known = new HashMap<>();

    Ndjson(ScoringRuntime runtime) {
      this((modelId, version) -> names(runtime, modelId, version));
    }

    /**
     * @param names of the features of a model's version; empty where they are not known
     */
    Ndjson(BiFunction<String, String, List<String>> names) {
      this.names = names;
    }

    @Override
    String head() {
      return "";
    }

    @Override
    void append(StringBuilder out, ExportedLabel row) {
      char before = '{';
      for (int i = 0; i < COLUMNS.size(); i++) {
        Field field = FIELDS.get(i);
        out.append(before).append('"').append(COLUMNS.get(i)).append("\":");
        put(out, field, value(row, field));
        before = ',';
      }
      features(out, row);
      out.append("}\n");
    }

    private static void put(StringBuilder out, Field field, @Nullable String value) {
      switch (field) {
        case METADATA, GROUPS, COUNTS, SCORE, THRESHOLD, ENFORCED -> out.append(value); // JSON
        default -> {
          if (value == null) {
            out.append("null");
          } else {
            out.append('"');
            JsonStringEncoder.getInstance().quoteAsString(value, out);
            out.append('"');
          }
        }
      }
    }

    private void features(StringBuilder out, ExportedLabel row) {
      String[] numbers = row.numbers(Field.FEATURES);
      if (numbers == null) {
        return;
      }
      List<String> named = named(row);
      boolean byName = named.size() == numbers.length;
      out.append(byName ? ",\"inputs\":{" : ",\"features\":[");
      for (int i = 0; i < numbers.length; i++) {
        if (i > 0) {
          out.append(',');
        }
        if (byName) {
          out.append(named.get(i));
        }
        out.append(isFinite(numbers[i]) ? numbers[i] : "null");
      }
      out.append(byName ? '}' : ']');
    }

    private List<String> named(ExportedLabel row) {
      String model = String.valueOf(row.text(Field.MODEL_ID));
      String version = String.valueOf(row.text(Field.MODEL_VERSION));
      return known.computeIfAbsent(
          model + " " + version,
          key ->
              names.apply(model, version).stream()
                  .map(
                      n ->
                          '"'
                              + new String(JsonStringEncoder.getInstance().quoteAsString(n))
                              + "\":")
                  .toList());
    }
  }

  /** CSV of one model, a column a feature; {@code features} where a row has others. */
  static final class Csv extends LabelRows {
    private final List<String> names;

    Csv(List<String> names) {
      this.names = names;
    }

    @Override
    String head() {
      StringBuilder out = new StringBuilder();
      COLUMNS.forEach(column -> cell(out, column).append(','));
      out.append("features");
      names.forEach(name -> cell(out.append(','), name));
      return out.append("\r\n").toString();
    }

    @Override
    void append(StringBuilder out, ExportedLabel row) {
      for (int i = 0; i < COLUMNS.size(); i++) {
        cell(out, value(row, FIELDS.get(i))).append(',');
      }
      String[] numbers = row.numbers(Field.FEATURES);
      boolean byName = numbers != null && numbers.length == names.size();
      cell(out, byName || numbers == null ? null : "[" + String.join(",", numbers) + "]");
      for (int i = 0; i < names.size(); i++) {
        out.append(',');
        if (byName && numbers != null && isFinite(numbers[i])) {
          out.append(numbers[i]);
        }
      }
      out.append("\r\n");
    }

    private static StringBuilder cell(StringBuilder out, @Nullable String value) {
      if (value == null) {
        return out;
      }
      boolean plain = true;
      for (int i = 0; plain && i < value.length(); i++) {
        char c = value.charAt(i);
        plain = c != '"' && c != ',' && c != '\n' && c != '\r';
      }
      return plain
          ? out.append(value)
          : out.append('"').append(value.replace("\"", "\"\"")).append('"');
    }
  }
}
