package io.apgms.ml.training.data;

import io.apgms.ml.training.TrainingException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.csv.CSVRecord;
import org.jspecify.annotations.Nullable;

/**
 * Writes {@code <sha256>.csv.gz}, named by its plain CSV: the standing set in its own order, then
 * labelled decisions in the order they come. The same rows give the same name on every machine.
 * Memory holds the standing set, never the decisions.
 */
public final class SnapshotWriter implements AutoCloseable {
  private static final String POSITIVE = "1";
  private static final String NEGATIVE = "0";

  private final ModelSchema schema;
  private final Path folder;
  private final Path draft;
  private final MessageDigest sha256 = digest();
  private final Writer out;
  private final List<String> columns = new ArrayList<>();
  private final Map<String, Integer> leftOut = new TreeMap<>();
  private SnapshotRecord.@Nullable Standing standing;
  private int positives;
  private int labelled;
  private int labelledPositives;

  /** Labels recorded from {@code from} (inclusive) to {@code to} (exclusive). */
  public record Labels(Instant from, Instant to) {}

  /**
   * Begins a file in a folder, which is made where it is not there.
   *
   * @throws TrainingException.Run when nothing can be written there
   */
  public SnapshotWriter(ModelSchema schema, Path folder) {
    this.schema = schema;
    this.folder = folder;
    this.draft = folder.resolve(".snapshot-" + ProcessHandle.current().pid() + ".draft");
    schema.features().forEach(f -> columns.add(f.name()));
    columns.add(schema.label());
    schema.protectedColumns().forEach(p -> columns.add(p.name()));
    String truth = schema.truth();
    if (truth != null) {
      columns.add(truth);
    }
    try {
      Files.createDirectories(folder);
      this.out =
          new BufferedWriter(
              new OutputStreamWriter(
                  new DigestOutputStream(
                      new GZIPOutputStream(Files.newOutputStream(draft)), sha256),
                  StandardCharsets.UTF_8));
      line(columns);
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  /**
   * Writes the rows that every retraining has.
   *
   * @param file plain or gzip CSV; null for the generator's rows
   * @param anyData takes a file whose hash is not the schema's
   */
  public void standing(@Nullable Path file, boolean anyData) {
    Snapshot.Rows rows = Snapshot.rows(schema, file, anyData);
    try {
      for (CSVRecord row : rows.records()) {
        line(columns.stream().map(c -> row.isMapped(c) ? row.get(c) : "").toList());
        positives += row.get(schema.label()).equals(POSITIVE) ? 1 : 0;
      }
    } catch (IOException e) {
      throw unwritable(e);
    }
    ModelSchema.Source source = schema.source();
    String name =
        file == null
            ? "the generator " + source.generator() + ", seed " + source.seed()
            : rows.sha256().equals(source.sha256())
                ? String.valueOf(source.url())
                : "data of another source";
    standing =
        new SnapshotRecord.Standing(name, rows.sha256(), Math.toIntExact(rows.records().size()));
  }

  /** Writes a labelled decision, or counts why the schema cannot take it. */
  public void labelled(LabelledCase decision) {
    List<String> cells = new ArrayList<>();
    for (ModelSchema.Column column : schema.features()) {
      Float value = decision.inputs().get(column.name());
      String cell = value == null ? null : cell(column, value);
      if (cell == null) {
        leaveOut("without a " + column.name() + " that the schema takes");
        return;
      }
      cells.add(cell);
    }
    cells.add(decision.positive() ? POSITIVE : NEGATIVE);
    for (ModelSchema.Protected column : schema.protectedColumns()) {
      String group = decision.groups().getOrDefault(column.name(), "");
      // What the caller wrote is free text: only what a band names may stay.
      cells.add(column.bands().stream().anyMatch(band -> band.holds(group)) ? group : "");
    }
    if (schema.truth() != null) {
      cells.add("");
    }
    try {
      line(cells);
    } catch (IOException e) {
      throw unwritable(e);
    }
    labelled++;
    labelledPositives += decision.positive() ? 1 : 0;
    if (labelled > Snapshot.MAX_ROWS) {
      throw new TrainingException.Data("more than " + Snapshot.MAX_ROWS + " labelled decisions");
    }
  }

  /** Counts a decision that is not taken. */
  public void leaveOut(String reason) {
    leftOut.merge(reason, 1, Integer::sum);
  }

  /**
   * Names the file by what was written.
   *
   * @param asked what the feature store was asked for; null where there is none
   * @param trigger why the snapshot is taken
   * @return what the file holds
   */
  public SnapshotRecord finish(@Nullable Labels asked, String trigger) {
    if (standing == null) {
      throw new TrainingException.Data("a snapshot without its standing set");
    }
    try {
      out.close();
      String name = HexFormat.of().formatHex(sha256.digest());
      SnapshotRecord made =
          new SnapshotRecord(
              schema.model(),
              name,
              trigger,
              standing.rows() + labelled,
              positives + labelledPositives,
              columns,
              standing,
              asked == null
                  ? null
                  : new SnapshotRecord.Store(
                      asked.from().toString(),
                      asked.to().toString(),
                      labelled,
                      labelledPositives,
                      leftOut));
      Files.move(draft, folder.resolve(Snapshot.fileName(name)), StandardCopyOption.ATOMIC_MOVE);
      return made;
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  private void line(List<String> cells) throws IOException {
    out.write(Snapshot.CSV.format(cells.toArray()));
    out.write('\n');
  }

  /** The shortest decimal that is read back as the same float32; null where it is not accepted. */
  private static @Nullable String cell(ModelSchema.Column column, float value) {
    if (Float.isNaN(value)) {
      return column.nullable() ? "" : null;
    }
    if (!Float.isFinite(value) || !column.accepts(value)) {
      return null;
    }
    BigDecimal exact = new BigDecimal(value);
    for (int digits = 1; digits < exact.precision(); digits++) {
      BigDecimal shorter = exact.round(new MathContext(digits, RoundingMode.HALF_EVEN));
      // as Snapshot reads a cell: by way of a double; not Float.toString, which differs by JDK
      if ((float) shorter.doubleValue() == value && column.accepts(shorter.doubleValue())) {
        exact = shorter;
        break;
      }
    }
    return exact.signum() == 0 ? "0" : exact.stripTrailingZeros().toPlainString();
  }

  private static TrainingException unwritable(IOException e) {
    return new TrainingException.Run("the snapshot cannot be written: " + e.getMessage());
  }

  private static MessageDigest digest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /** Removes what was not finished. */
  @Override
  public void close() {
    try {
      out.close();
      Files.deleteIfExists(draft);
    } catch (IOException e) {
      throw unwritable(e);
    }
  }
}
