package io.apgms.ml.training.data;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;

/**
 * Labelled rows that travel with an artifact, so that a serving replica can measure it: features in
 * tensor order, then the label. Only where the rows are generated; they lie far behind every
 * training window.
 */
public final class Canary {
  /** File name in the artifact. */
  public static final String NAME = "canary.csv.gz";

  private static final int FIRST_ROW = 2_000_000_000;

  /**
   * So many that two models which are equally good seldom differ by the half percent of the smoke
   * gate: of 500 rows that is two and a half of them, and a sound retraining was seen to lose five.
   */
  private static final int ROWS = 10_000;

  private Canary() {}

  /** The rows as gzip CSV, without a time in the header. */
  public static byte[] gzipped(ModelSchema schema) {
    Long seed = schema.source().seed();
    byte[] csv = RiskScoreGenerator.csv(seed == null ? 0 : seed, FIRST_ROW, FIRST_ROW + ROWS);
    List<String> lines = new String(csv, StandardCharsets.UTF_8).lines().toList();
    List<String> header = Arrays.asList(lines.get(0).split(",", -1));
    List<Integer> columns =
        Stream.concat(
                schema.features().stream().map(ModelSchema.Column::name), Stream.of(schema.label()))
            .map(header::indexOf)
            .toList();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(bytes)) {
      for (String line : lines) {
        List<String> cells = Arrays.asList(line.split(",", -1));
        String taken = columns.stream().map(cells::get).collect(Collectors.joining(",", "", "\n"));
        gzip.write(taken.getBytes(StandardCharsets.UTF_8));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("memory can always be written", e);
    }
    return bytes.toByteArray();
  }
}
