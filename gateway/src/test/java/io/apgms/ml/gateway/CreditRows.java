package io.apgms.ml.gateway;

import io.apgms.ml.registry.Manifest;
import io.apgms.ml.registry.Manifest.Feature;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/**
 * The real rows that credit-default was trained on. They may not be shipped: they are looked for
 * where conf/policy.yaml has the snapshot, then beside the project.
 */
final class CreditRows {
  private CreditRows() {}

  /** The rows in tensor order. */
  static List<float[]> read(Manifest manifest) throws IOException {
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(Files.newInputStream(file())), StandardCharsets.UTF_8))) {
      List<String> header = List.of(in.readLine().split(",", -1));
      int[] columns =
          manifest.features().stream().map(Feature::name).mapToInt(header::indexOf).toArray();
      List<float[]> rows = new ArrayList<>();
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        String[] cells = line.split(",", -1);
        float[] row = new float[columns.length];
        for (int i = 0; i < row.length; i++) {
          row[i] = Float.parseFloat(cells[columns[i]]);
        }
        rows.add(row);
      }
      return rows;
    }
  }

  private static Path file() {
    Stream<Path> beside =
        Stream.iterate(RunningService.HOME, p -> p != null, Path::getParent)
            .map(p -> p.resolve("shared/data/credit_default.csv.gz"));
    return Stream.concat(
            Stream.of(RunningService.HOME.resolve("data/snapshots/credit_default.csv.gz")), beside)
        .filter(Files::isRegularFile)
        .findFirst()
        .orElseThrow(
            () ->
                new AssertionError(
                    "no rows of credit-default, expected data/snapshots/credit_default.csv.gz"));
  }
}
