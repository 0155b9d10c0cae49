package io.apgms.ml.registry.gate;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Manifest;
import io.apgms.ml.registry.Manifest.Histogram;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.gate.Share.Interval;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** An artifact with a bias report of counts that a test chooses; everything else agrees. */
final class BiasFixture {
  static final ObjectMapper JSON = new ObjectMapper();
  static final Policy.Bias POLICY = new Policy.Bias(0.02, Policy.Bound.point, 500, 100, 0.05, 0.01);
  private static final byte[] MODEL = {1, 2, 3};
  private static final String DATASET = "77f3".repeat(16);

  /** Rows of a band: how many, of which outcome, and how they were decided. */
  record Band(String column, String name, int n, int positives, int fp, int fn, double mean) {
    Band {
      if (fp > n - positives || fn > positives) {
        throw new IllegalArgumentException("no such band");
      }
    }

    int selected() {
      return positives - fn + fp;
    }
  }

  private final List<Band> bands = new ArrayList<>();
  private final Map<String, List<String>> schema = new HashMap<>();
  private Consumer<ObjectNode> lie = report -> {};
  private Histogram scores = new Histogram(List.of(0.2, 0.6), List.of(70L, 20L, 10L), 0);
  private double threshold = 0.5;

  /** Two sexes that are decided alike: 8,000 and 12,000 rows, a fifth positive. */
  static BiasFixture fair() {
    return new BiasFixture()
        .band("sex", "female", 8_000, 1_600, 320, 960, 0.2)
        .band("sex", "male", 12_000, 2_400, 480, 1_440, 0.2);
  }

  /** {@code counts}: rows, positives, false positives, false negatives. */
  BiasFixture band(String column, String name, int n, int positives, int fp, int fn, double mean) {
    bands.add(new Band(column, name, n, positives, fp, fn, mean));
    schema.computeIfAbsent(column, c -> new ArrayList<>()).add(name);
    return this;
  }

  /** Makes the schema name a band that the report does not have. */
  BiasFixture schemaNames(String column, String band) {
    schema.computeIfAbsent(column, c -> new ArrayList<>()).add(band);
    return this;
  }

  BiasFixture withoutSchemaBands() {
    schema.clear();
    return this;
  }

  BiasFixture lie(Consumer<ObjectNode> change) {
    this.lie = change;
    return this;
  }

  BiasFixture scores(Histogram baseline) {
    this.scores = baseline;
    return this;
  }

  BiasFixture manifestThreshold(double manifestThreshold) {
    this.threshold = manifestThreshold;
    return this;
  }

  VerifiedArtifact artifact() {
    byte[] yaml = yaml();
    Band all = all();
    byte[] report = report(all);
    Map<String, Object> run = new HashMap<>();
    run.put("modelSha256", ArtifactStore.sha256(MODEL));
    run.put("schemaSha256", ArtifactStore.sha256(yaml));
    run.put("snapshot", Map.of("sha256", DATASET));
    byte[] training = JSON.valueToTree(run).toString().getBytes(StandardCharsets.UTF_8);
    Map<String, byte[]> files =
        Map.of("schema.yaml", yaml, "training_run.json", training, BiasReportFile.NAME, report);
    List<Manifest.FileEntry> entries = new ArrayList<>();
    entries.add(entry("model.pt", MODEL));
    files.forEach((name, bytes) -> entries.add(entry(name, bytes)));
    Manifest manifest =
        new Manifest(
            "risk-score",
            "20261123",
            entries,
            List.of(new Manifest.Feature("a", Manifest.FeatureType.number, 0, 1, false, null)),
            scores,
            threshold,
            new Manifest.Slo(0.999, 250),
            new Manifest.Provenance("abc1234", DATASET, all.n(), "sha256:0", "t/1", 1),
            null);
    return new VerifiedArtifact(
        manifest, "sha256:" + "0".repeat(64), MODEL, List.of(), files, null);
  }

  private static Manifest.FileEntry entry(String name, byte[] bytes) {
    return new Manifest.FileEntry(name, ArtifactStore.sha256(bytes), bytes.length);
  }

  private byte[] yaml() {
    StringBuilder out = new StringBuilder("model: risk-score\n");
    if (!schema.isEmpty()) {
      out.append("protected:\n");
    }
    schema.forEach(
        (column, names) -> {
          out.append("  - name: ").append(column).append("\n    bands:\n");
          names.forEach(n -> out.append("      - {name: \"").append(n).append("\"}\n"));
        });
    return out.toString().getBytes(StandardCharsets.UTF_8);
  }

  private Band all() {
    List<Band> one = bands.stream().filter(b -> b.column().equals(bands.get(0).column())).toList();
    int n = one.stream().mapToInt(Band::n).sum();
    return new Band(
        "",
        "all",
        n,
        one.stream().mapToInt(Band::positives).sum(),
        one.stream().mapToInt(Band::fp).sum(),
        one.stream().mapToInt(Band::fn).sum(),
        one.stream().mapToDouble(b -> b.n() * b.mean()).sum() / n);
  }

  private byte[] report(Band all) {
    ObjectNode out = JSON.createObjectNode();
    out.put("model", "risk-score");
    out.put("modelSha256", ArtifactStore.sha256(MODEL));
    out.put("datasetSha256", DATASET);
    out.put("threshold", 0.5);
    out.put("basis", "out-of-fold");
    out.set("all", group(all, all));
    bands.forEach(b -> out.withArray("groups").add(group(b, all)));
    lie.accept(out);
    return out.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static ObjectNode group(Band b, Band all) {
    ObjectNode out = JSON.createObjectNode();
    out.put("column", b.column()).put("band", b.name());
    out.put("n", b.n()).put("positives", b.positives());
    out.set("selectionRate", rate(b.selected(), b.n()));
    out.set("falsePositiveRate", rate(b.fp(), b.n() - b.positives()));
    out.set("falseNegativeRate", rate(b.fn(), b.positives()));
    out.put("calibrationGap", gap(b));
    out.putObject("delta")
        .put("selectionRate", distance(b.selected(), b.n(), all.selected(), all.n()))
        .put(
            "falsePositiveRate",
            distance(b.fp(), b.n() - b.positives(), all.fp(), all.n() - all.positives()))
        .put("falseNegativeRate", distance(b.fn(), b.positives(), all.fn(), all.positives()))
        .put("calibrationGap", rounded(Math.abs(gap(b) - gap(all))));
    return out;
  }

  private static double gap(Band b) {
    return rounded(b.mean() - (double) b.positives() / b.n());
  }

  private static double distance(long hits, long n, long allHits, long allRows) {
    return rounded(
        Math.abs(
            rounded(new Share(hits, n).value()) - rounded(new Share(allHits, allRows).value())));
  }

  private static ObjectNode rate(long hits, long n) {
    Share share = new Share(hits, n);
    Interval wilson = share.interval();
    return JSON.createObjectNode()
        .put("value", rounded(share.value()))
        .put("low", rounded(wilson.low()))
        .put("high", rounded(wilson.high()));
  }

  private static double rounded(double value) {
    return Math.rint(value * 1e6) / 1e6;
  }
}
