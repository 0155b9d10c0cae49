package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Manifest;
import io.apgms.ml.registry.Manifest.Feature;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/**
 * The real rows that credit-default was trained on. They may not be shipped: they are looked for
 * where conf/policy.yaml has the snapshot, then beside the project.
 */
final class CreditRows {
  static final String VERSION = "20261123";

  /** What {@link #shifted} alters. */
  static final String SHIFTED = "limit_bal";

  static final Manifest MANIFEST =
      ArtifactStore.withoutSignatures(RunningService.HOME.resolve("artifacts/models"))
          .load("credit-default", VERSION)
          .manifest();

  /** Column of {@link #SHIFTED}. */
  static final int LIMIT = column(SHIFTED);

  private static final ObjectMapper JSON = new ObjectMapper();

  private CreditRows() {}

  /** Place in a row, from 0. */
  static int column(String feature) {
    return MANIFEST.features().stream().map(Feature::name).toList().indexOf(feature);
  }

  /** The rows in tensor order. */
  static List<float[]> read() throws IOException {
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(Files.newInputStream(file())), StandardCharsets.UTF_8))) {
      List<String> header = List.of(in.readLine().split(",", -1));
      int[] columns =
          MANIFEST.features().stream().map(Feature::name).mapToInt(header::indexOf).toArray();
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

  /** Another choice of them for each seed. */
  static List<float[]> some(List<float[]> rows, int count, long seed) {
    List<float[]> shuffled = new ArrayList<>(rows);
    Collections.shuffle(shuffled, new Random(seed));
    return shuffled.subList(0, count);
  }

  /** The planted shift: credit limits of half the size, all else as it was. */
  static List<float[]> shifted(List<float[]> rows) {
    return rows.stream()
        .map(
            row -> {
              float[] other = row.clone();
              other[LIMIT] /= 2;
              return other;
            })
        .toList();
  }

  /** Asks for their scores by the Open Inference Protocol, 4,096 rows at most. */
  static void infer(RunningService service, List<float[]> rows) throws Exception {
    infer(service, "", rows);
  }

  /**
   * The same of one version.
   *
   * @param version as in the path, {@code /versions/V}
   */
  static void infer(RunningService service, String version, List<float[]> rows) throws Exception {
    ObjectNode body = JSON.createObjectNode();
    ObjectNode input = body.putArray("inputs").addObject().put("name", "input");
    input.put("datatype", "FP64").putArray("shape").add(rows.size()).add(rows.get(0).length);
    ArrayNode data = input.putArray("data");
    rows.forEach(
        row -> {
          for (float value : row) {
            data.add(value);
          }
        });
    HttpResponse<String> answer =
        service.api("POST", "/v2/models/credit-default" + version + "/infer", body.toString());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
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
