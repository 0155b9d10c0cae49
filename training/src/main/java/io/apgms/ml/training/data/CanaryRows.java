package io.apgms.ml.training.data;

import io.apgms.ml.training.TrainingException;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;
import org.jspecify.annotations.Nullable;

/** The labelled rows of a canary file. */
public final class CanaryRows {
  private static final int MAX_ROWS = 100_000;

  private CanaryRows() {}

  /**
   * A row.
   *
   * @param inputs by feature name, in tensor order; null where missing
   * @param positive whether the outcome is the adverse one
   */
  public record Row(Map<String, @Nullable Double> inputs, boolean positive) {}

  /**
   * Reads a file that has the schema's features and its label; its other columns may be there.
   *
   * @param file CSV, plain or gzip
   * @throws TrainingException.Data naming the cell that the schema does not take
   */
  public static List<Row> read(ModelSchema schema, byte[] file) {
    List<Row> rows = new ArrayList<>();
    try (CSVParser parser =
        Snapshot.CSV.parse(
            new StringReader(new String(Snapshot.plain(file), StandardCharsets.UTF_8)))) {
      for (CSVRecord record : parser) {
        if (rows.size() == MAX_ROWS) {
          throw new TrainingException.Data("canary of more than " + MAX_ROWS + " rows");
        }
        Map<String, @Nullable Double> inputs = new LinkedHashMap<>();
        for (ModelSchema.Column column : schema.features()) {
          double value = Snapshot.value(column, record);
          inputs.put(column.name(), Double.isNaN(value) ? null : value);
        }
        rows.add(new Row(inputs, Snapshot.outcome(schema, record) == 1));
      }
      return rows;
    } catch (IOException | IllegalArgumentException e) {
      throw new TrainingException.Data("the canary is no CSV of the schema: " + e.getMessage());
    }
  }
}
