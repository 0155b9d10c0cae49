package io.apgms.ml.training.data;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.training.TrainingException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.GZIPInputStream;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;
import org.jspecify.annotations.Nullable;

/** Reads the rows that a model is trained on, from a CSV file or from the generator. */
public final class Snapshot {
  private static final int MAX_BYTES = 512 << 20;
  static final int MAX_ROWS = 2_000_000;
  static final CSVFormat CSV =
      CSVFormat.RFC4180
          .builder()
          .setHeader()
          .setSkipHeaderRecord(true)
          .setRecordSeparator('\n')
          .get();

  private Snapshot() {}

  /** Rows {@code from} (inclusive) to {@code to} (exclusive) of a source. */
  public record Window(int from, int to) {
    public Window {
      if (from < 0 || to <= from || to - from > MAX_ROWS) {
        throw new TrainingException.Data(
            "window " + from + " to " + to + ", expected 0 <= from < to, at most " + MAX_ROWS);
      }
    }
  }

  /**
   * Reads a snapshot.
   *
   * @param file plain or gzip CSV; null for a generated source. One whose name is a SHA-256, as
   *     {@link SnapshotWriter} names it, must have that hash and none else
   * @param window rows to take, null for all
   * @param anyData takes a file whose hash is not the schema's
   * @throws TrainingException.DataMissing when the file is not there
   * @throws TrainingException.Data when it is not the file, or a cell is not what the schema says
   */
  public static Dataset read(
      ModelSchema schema, @Nullable Path file, @Nullable Window window, boolean anyData) {
    Integer rows = schema.source().rows();
    Long seed = schema.source().seed();
    if (file == null && rows != null && seed != null && window != null) {
      return parse(schema, RiskScoreGenerator.csv(seed, window.from(), window.to()), null);
    }
    return parse(schema, bytes(schema, file, anyData), file == null ? null : window);
  }

  /** Name of a snapshot file by the SHA-256 of its plain CSV. */
  static String fileName(String sha256) {
    return sha256 + ".csv.gz";
  }

  /** The SHA-256 that a file is named by, as {@link SnapshotWriter} names it; null for another. */
  public static @Nullable String namedHash(@Nullable Path file) {
    String name = file == null ? "" : String.valueOf(file.getFileName());
    return name.matches("[0-9a-f]{64}\\.csv\\.gz") ? name.substring(0, 64) : null;
  }

  /** A source, checked cell by cell and still as text. */
  record Rows(List<CSVRecord> records, String sha256) {}

  static Rows rows(ModelSchema schema, @Nullable Path file, boolean anyData) {
    byte[] csv = bytes(schema, file, anyData);
    Dataset checked = parse(schema, csv, null);
    try (CSVParser parser = CSV.parse(new StringReader(new String(csv, StandardCharsets.UTF_8)))) {
      return new Rows(parser.getRecords(), checked.sha256());
    } catch (IOException e) {
      throw new TrainingException.Data("not CSV: " + e.getMessage());
    }
  }

  private static byte[] bytes(ModelSchema schema, @Nullable Path file, boolean anyData) {
    ModelSchema.Source source = schema.source();
    Integer rows = source.rows();
    Long seed = source.seed();
    if (file == null && rows != null && seed != null) {
      return RiskScoreGenerator.csv(seed, 0, rows);
    }
    byte[] csv = load(source, file);
    String named = namedHash(file);
    String expected = named != null ? named : anyData ? null : source.sha256();
    String actual = ArtifactStore.sha256(csv);
    if (expected != null && !expected.equals(actual)) {
      throw new TrainingException.Data(
          "the data file has SHA-256 "
              + actual
              + " as plain CSV, expected "
              + expected
              + (named == null ? "" : " as its name says"));
    }
    return csv;
  }

  private static byte[] load(ModelSchema.Source source, @Nullable Path file) {
    if (file == null || !Files.isRegularFile(file)) {
      throw new TrainingException.DataMissing(
          (file == null ? "no data file given" : "no data file " + file.getFileName())
              + "; the original is published at "
              + source.url()
              + (source.citation() == null ? "" : " (" + source.citation() + ")")
              + "; as plain CSV it has SHA-256 "
              + (source.sha256() == null ? "(any)" : source.sha256()));
    }
    try (InputStream raw = Files.newInputStream(file)) {
      return plain(raw.readNBytes(MAX_BYTES));
    } catch (IOException e) {
      throw new TrainingException.Data("the data file cannot be read: " + e.getMessage());
    }
  }

  /** The same bytes, or those in it where it is gzip. */
  static byte[] plain(byte[] file) throws IOException {
    byte[] bytes = file;
    if (bytes.length > 1 && bytes[0] == (byte) 0x1f && bytes[1] == (byte) 0x8b) {
      try (InputStream plain = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
        bytes = plain.readNBytes(MAX_BYTES);
      }
    }
    if (bytes.length == MAX_BYTES) {
      throw new TrainingException.Data("data file of " + MAX_BYTES + " bytes or more");
    }
    return bytes;
  }

  static Dataset parse(ModelSchema schema, byte[] csv, @Nullable Window window) {
    String text = new String(csv, StandardCharsets.UTF_8);
    try (CSVParser parser = CSV.parse(new StringReader(text))) {
      checkHeader(schema, parser.getHeaderNames());
      List<CSVRecord> records = new ArrayList<>();
      StringBuilder taken =
          new StringBuilder(String.join(",", parser.getHeaderNames())).append('\n');
      int at = 0;
      for (CSVRecord row : parser) {
        if (records.size() == MAX_ROWS) {
          throw new TrainingException.Data("more than " + MAX_ROWS + " rows");
        }
        if (window == null || (at >= window.from() && at < window.to())) {
          records.add(row);
          if (window != null) {
            taken.append(CSV.format((Object[]) row.values())).append('\n');
          }
        }
        at++;
      }
      if (records.isEmpty() || (window != null && at < window.to())) {
        throw new TrainingException.Data("the data has " + at + " rows, expected the whole window");
      }
      byte[] hashed = window == null ? csv : taken.toString().getBytes(StandardCharsets.UTF_8);
      return fill(schema, records, ArtifactStore.sha256(hashed));
    } catch (IOException | IllegalArgumentException e) {
      throw new TrainingException.Data("not CSV: " + e.getMessage());
    }
  }

  private static void checkHeader(ModelSchema schema, List<String> header) {
    Set<String> expected = new HashSet<>();
    expected.add(schema.label());
    schema.features().forEach(f -> expected.add(f.name()));
    schema.drop().forEach(expected::add);
    schema.protectedColumns().forEach(p -> expected.add(p.name()));
    String truth = schema.truth();
    if (truth != null) {
      expected.add(truth);
    }
    for (String column : header) {
      if (!expected.remove(column)) {
        throw new TrainingException.Data(
            "column '" + column + "', expected only columns that the schema names, once each");
      }
    }
    schema.drop().forEach(expected::remove);
    expected.remove(String.valueOf(truth));
    if (!expected.isEmpty()) {
      throw new TrainingException.Data(
          "columns " + expected.stream().sorted().toList() + " are missing");
    }
  }

  private static Dataset fill(ModelSchema schema, List<CSVRecord> records, String sha256) {
    int width = schema.features().size();
    float[] x = new float[records.size() * width];
    int[] y = new int[records.size()];
    Map<String, String[]> groups = new HashMap<>();
    for (ModelSchema.Protected p : schema.protectedColumns()) {
      groups.put(p.name(), records.stream().map(r -> r.get(p.name())).toArray(String[]::new));
    }
    double[] truth = truth(schema, records);
    for (int i = 0; i < y.length; i++) {
      CSVRecord row = records.get(i);
      for (int f = 0; f < width; f++) {
        x[i * width + f] = (float) value(schema.features().get(f), row);
      }
      y[i] = outcome(schema, row);
    }
    return new Dataset(x, y, groups, truth, sha256);
  }

  /** Known for all rows or not at all: labelled decisions among them have none. */
  private static double @Nullable [] truth(ModelSchema schema, List<CSVRecord> records) {
    String column = schema.truth();
    if (column == null
        || records.stream().anyMatch(r -> !r.isMapped(column) || r.get(column).isEmpty())) {
      return null;
    }
    return records.stream().mapToDouble(r -> Double.parseDouble(r.get(column))).toArray();
  }

  static int outcome(ModelSchema schema, CSVRecord row) {
    String label = row.get(schema.label());
    if (!label.equals("0") && !label.equals("1")) {
      throw bad(row, schema.label(), label, "0 or 1");
    }
    return label.equals("1") ? 1 : 0;
  }

  /** The cell's number; NaN where it is empty and may be. */
  static double value(ModelSchema.Column column, CSVRecord row) {
    String cell = row.get(column.name());
    if (cell.isEmpty() && column.nullable()) {
      return Double.NaN;
    }
    double value;
    try {
      value = Double.parseDouble(cell);
    } catch (NumberFormatException e) {
      throw bad(row, column.name(), cell, "a number");
    }
    if (!column.accepts(value)) {
      throw bad(
          row,
          column.name(),
          cell,
          column.type() + " from " + column.min() + " to " + column.max());
    }
    return value;
  }

  private static TrainingException bad(CSVRecord row, String column, String cell, String wanted) {
    String shown = cell.length() > 32 ? cell.substring(0, 32) + "…" : cell;
    return new TrainingException.Data(
        "row " + row.getRecordNumber() + ", " + column + " '" + shown + "', expected " + wanted);
  }
}
