package io.apgms.ml.registry;

import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import com.fasterxml.jackson.core.type.TypeReference;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A made-up row and the score it must give, rounded to six decimals: the proof that a loaded model
 * is the one that was packaged.
 */
public record GoldenRow(
    @JsonSetter(contentNulls = Nulls.SET) Map<String, @Nullable Double> inputs, double score) {
  private static final int MAX_ROWS = 1_000;

  public GoldenRow {
    if (!(score >= 0 && score <= 1)) {
      throw new RegistryException.Corrupt(
          "golden.json: score " + score + ", expected a number from 0 to 1");
    }
  }

  /** Reads {@code golden.json}. */
  public static List<GoldenRow> parse(byte[] json) {
    try {
      List<GoldenRow> rows =
          StrictJson.MAPPER.readValue(json, new TypeReference<List<GoldenRow>>() {});
      if (rows == null || rows.isEmpty() || rows.size() > MAX_ROWS || rows.contains(null)) {
        throw new RegistryException.Corrupt(
            "golden.json: no list of rows, expected 1 to " + MAX_ROWS);
      }
      return rows;
    } catch (IOException e) {
      throw new RegistryException.Corrupt("golden.json: " + e.getMessage());
    }
  }

  /** The row in tensor order, NaN where the input is null. */
  public float[] toTensor(List<Manifest.Feature> features) {
    if (inputs.size() != features.size()) {
      throw new RegistryException.Corrupt(
          "golden.json: row with " + inputs.size() + " inputs, expected " + features.size());
    }
    float[] row = new float[features.size()];
    for (int i = 0; i < row.length; i++) {
      String name = features.get(i).name();
      if (!inputs.containsKey(name)) {
        throw new RegistryException.Corrupt("golden.json: input " + name + " is missing");
      }
      Double value = inputs.get(name);
      row[i] = value == null ? Float.NaN : value.floatValue();
    }
    return row;
  }
}
