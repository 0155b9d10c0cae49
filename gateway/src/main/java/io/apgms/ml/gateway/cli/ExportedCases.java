package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.feedback.LabelledRows.LabelledRow;
import io.apgms.ml.feedback.NewLabel;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.HexFormat;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The labelled decisions of an export, by its manifest: the same, in the same order, as {@code
 * LabelledRows} tells of that window. The file is checked against the manifest before a row is
 * told.
 */
final class ExportedCases {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path file;
  private final @Nullable String exported;
  private final Instant from;
  private final Instant to;

  private ExportedCases(Path file, @Nullable String exported, Instant from, Instant to) {
    this.file = file;
    this.exported = exported;
    this.from = from;
    this.to = to;
  }

  /**
   * Reads the manifest and the whole file once.
   *
   * @throws Failure where the file is not what the manifest says
   */
  static ExportedCases open(Path manifest) throws IOException {
    JsonNode said = JSON.readTree(manifest.toFile());
    if (!said.path("format").asText().equals("ndjson")) {
      throw new Failure(
          Failure.USAGE, "the export is " + said.path("format") + ", expected \"ndjson\"");
    }
    String name = said.path("file").asText();
    if (!name.matches("[A-Za-z0-9_][A-Za-z0-9_.-]*")) {
      throw new Failure(
          Failure.USAGE, "the file is '" + name + "', expected one beside its manifest");
    }
    Path file = manifest.resolveSibling(name);
    requireSame(file, said);
    return new ExportedCases(
        file,
        said.path("modelId").isNull() ? null : said.path("modelId").asText(),
        Instant.parse(said.path("from").asText()),
        Instant.parse(said.path("to").asText()));
  }

  private static void requireSame(Path file, JsonNode said) throws IOException {
    long rows = 0;
    MessageDigest sha = sha256();
    try (InputStream in = new DigestInputStream(Files.newInputStream(file), sha)) {
      byte[] buffer = new byte[1 << 18];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        for (int i = 0; i < n; i++) {
          rows += buffer[i] == '\n' ? 1 : 0;
        }
      }
    }
    String hash = HexFormat.of().formatHex(sha.digest());
    if (!hash.equals(said.path("sha256").asText()) || rows != said.path("rows").asLong()) {
      throw new Failure(
          Failure.NO,
          file
              + " has "
              + rows
              + " rows and SHA-256 "
              + hash
              + ", expected "
              + said.path("rows")
              + " and "
              + said.path("sha256").asText());
    }
  }

  Instant from() {
    return from;
  }

  Instant to() {
    return to;
  }

  /** Tells each labelled decision of the model once. */
  void forEach(String modelId, Consumer<LabelledRow> told) throws IOException {
    if (exported != null && !exported.equals(modelId)) {
      throw new Failure(
          Failure.USAGE, "the export is of model " + exported + ", expected " + modelId);
    }
    String last = "";
    try (BufferedReader lines = Files.newBufferedReader(file)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        JsonNode row = JSON.readTree(line);
        String prediction = row.path("predictionId").asText();
        boolean gone = row.path("score").isNull(); // the decision is past its retention
        if (!gone && !prediction.equals(last) && row.path("modelId").asText().equals(modelId)) {
          told.accept(labelled(row));
        }
        last = prediction;
      }
    }
  }

  /** Features stand in the order of the version's tensor, with their names or without. */
  private static LabelledRow labelled(JsonNode row) {
    JsonNode groups = row.path("groups");
    JsonNode values = row.has("inputs") ? row.path("inputs") : row.path("features");
    float[] features = new float[values.size()];
    int i = 0;
    for (JsonNode value : values) {
      features[i++] = value.isNull() ? Float.NaN : Float.parseFloat(value.asText());
    }
    return new LabelledRow(
        row.path("modelVersion").asText(),
        row.path("modelDigest").asText(),
        features,
        groups.isNull() ? null : groups.toString(),
        NewLabel.Label.valueOf(row.path("countingLabel").asText()).adverse());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
