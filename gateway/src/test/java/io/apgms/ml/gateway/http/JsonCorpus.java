package io.apgms.ml.gateway.http;

import io.apgms.ml.registry.GoldenRow;
import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.registry.Manifest.FeatureType;
import io.apgms.ml.registry.Manifest.Slo;
import io.apgms.ml.scoring.ServedModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The tables of JSON texts under {@code json/}, and the model that the score reader reads for. */
final class JsonCorpus {
  static final ServedModel MODEL =
      new ServedModel(
          "m",
          "20261123",
          "sha256:00",
          List.of(
              new Feature("ratio", FeatureType.number, -1.5, 10, true, null),
              new Feature("count", FeatureType.integer, 0, 100, false, null)),
          0.5,
          new Slo(0.999, 750),
          List.of(new GoldenRow(Map.of("ratio", 1.0, "count", 2.0), 0.5)));

  /** A named text; {@code %HH} in the table is a byte. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Text(String name, byte[] bytes) {
    /** The text where a value stands. */
    byte[] in(String before, String after) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      out.writeBytes(before.getBytes(StandardCharsets.UTF_8));
      out.writeBytes(bytes);
      out.writeBytes(after.getBytes(StandardCharsets.UTF_8));
      return out.toByteArray();
    }

    @Override
    public String toString() {
      return name;
    }
  }

  private JsonCorpus() {}

  static ScoreReader reader() {
    return new ScoreReader(id -> id.equals("m") ? MODEL : null);
  }

  static List<Text> read(String table) {
    List<Text> texts = new ArrayList<>();
    for (String line : lines(table)) {
      if (!line.startsWith("# ")) {
        int bar = line.indexOf(" | ");
        texts.add(new Text(line.substring(0, bar), bytes(line.substring(bar + 3))));
      }
    }
    return texts;
  }

  private static List<String> lines(String table) {
    try (InputStream in = JsonCorpus.class.getResourceAsStream("/json/" + table + ".txt")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] bytes(String text) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) == '%') {
        out.write(Integer.parseInt(text.substring(i + 1, i + 3), 16));
        i += 2;
      } else {
        out.write(text.charAt(i));
      }
    }
    return out.toByteArray();
  }
}
