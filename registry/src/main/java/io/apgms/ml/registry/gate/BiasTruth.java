package io.apgms.ml.registry.gate;

import com.fasterxml.jackson.databind.JsonNode;
import io.apgms.ml.registry.Manifest;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.gate.BiasReportFile.Group;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;

/** Whether a bias report is of this artifact, is whole, and agrees with itself. */
final class BiasTruth {
  private static final String BASIS = "out-of-fold";

  /** Of a model that was trained elsewhere: its maker says that it has not seen the rows. */
  private static final String EXTERNAL_BASIS = "held-out";

  private final BiasReportFile report;
  private final List<String> wrong = new ArrayList<>();

  private BiasTruth(BiasReportFile report) {
    this.report = report;
  }

  /**
   * The bands of each protected column that a schema names; empty where it names none.
   *
   * @param yaml bytes of schema.yaml
   */
  static Map<String, List<String>> bands(byte[] yaml) {
    Map<String, List<String>> bands = new LinkedHashMap<>();
    for (JsonNode column : Documents.yamlTree("schema.yaml", yaml).path("protected")) {
      List<String> names = new ArrayList<>();
      column.path("bands").forEach(band -> names.add(band.path("name").asText()));
      bands.put(column.path("name").asText(), names);
    }
    return bands;
  }

  /** What is wrong, one line each; empty when nothing is. */
  static List<String> wrong(
      BiasReportFile report, VerifiedArtifact artifact, Map<String, List<String>> bands) {
    BiasTruth truth = new BiasTruth(report);
    truth.sameArtifact(artifact);
    truth.sameGroups(bands);
    if (truth.wrong.isEmpty()) {
      truth.agrees(report.all());
      report.groups().forEach(truth::agrees);
      bands.keySet().forEach(truth::addsUp);
    }
    return truth.wrong;
  }

  private void sameArtifact(VerifiedArtifact artifact) {
    Manifest manifest = artifact.manifest();
    JsonNode run =
        Documents.jsonTree("training_run.json", Documents.of(artifact, "training_run.json"));
    expect("model", report.model(), manifest.model());
    expect("modelSha256", report.modelSha256(), sha256(manifest, "model.pt"));
    expect("datasetSha256", report.datasetSha256(), manifest.provenance().datasetSha256());
    expect("threshold", report.threshold(), manifest.threshold());
    boolean external = run.path("trainer").asText().equals("external");
    expect("basis", report.basis(), external ? EXTERNAL_BASIS : BASIS);
    expect("rows of all", (long) report.all().n(), manifest.provenance().datasetRows());
    expect(
        "training_run.json: modelSha256",
        run.path("modelSha256").asText(),
        sha256(manifest, "model.pt"));
    expect(
        "training_run.json: schemaSha256",
        run.path("schemaSha256").asText(),
        sha256(manifest, "schema.yaml"));
    expect(
        "training_run.json: snapshot.sha256",
        run.path("snapshot").path("sha256").asText(),
        report.datasetSha256());
  }

  private static String sha256(Manifest manifest, String name) {
    return manifest.files().stream()
        .filter(f -> f.name().equals(name))
        .map(Manifest.FileEntry::sha256)
        .findFirst()
        .orElse("(no " + name + " in the manifest)");
  }

  private void sameGroups(Map<String, List<String>> bands) {
    List<String> expected = new ArrayList<>();
    bands.forEach((column, names) -> names.forEach(name -> expected.add(column + ": " + name)));
    for (Group group : report.groups()) {
      if (!expected.remove(group.name())) {
        wrong.add("group " + group.name() + ", expected each band of schema.yaml once");
      }
    }
    expected.forEach(name -> wrong.add("group " + name + " is missing, schema.yaml names it"));
  }

  private void agrees(Group g) {
    long selectedRight = g.positives() - g.falseNegatives().hits();
    expect(
        g.name() + ": rows selected",
        g.selected().hits(),
        selectedRight + g.falsePositives().hits());
    double mean = g.meanScore();
    if (g.n() > 0 && !(mean > -1e-5 && mean < 1 + 1e-5)) {
      wrong.add(g.name() + ": mean score " + mean + " by its calibrationGap, expected 0 to 1");
    }
    close(g, "selectionRate", g.delta().selectionRate(), v -> v.selected().value());
    close(g, "falsePositiveRate", g.delta().falsePositiveRate(), v -> v.falsePositives().value());
    close(g, "falseNegativeRate", g.delta().falseNegativeRate(), v -> v.falseNegatives().value());
    close(g, "calibrationGap", g.delta().calibrationGap(), Group::calibrationGap);
  }

  private void close(Group g, String name, double told, ToDoubleFunction<Group> value) {
    double actual = Math.abs(value.applyAsDouble(g) - value.applyAsDouble(report.all()));
    if (!(Math.abs(told - actual) <= 2e-6)) { // both values and the delta are rounded
      wrong.add(
          String.format(
              Locale.ROOT, "%s: delta.%s %s, expected %.6f", g.name(), name, told, actual));
    }
  }

  /**
   * A row is in at most one band of a column: what the bands count is no more than what all rows
   * do, and the rows in no band could be so.
   */
  private void addsUp(String column) {
    Rest rest = Rest.of(report, column);
    boolean counts =
        rest.rows() >= rest.positives()
            && rest.falseNegatives() >= 0
            && rest.positives() >= rest.falseNegatives()
            && rest.falsePositives() >= 0
            && rest.rows() - rest.positives() >= rest.falsePositives();
    // Each gap is rounded, and stands for all rows of its band.
    boolean scores =
        rest.scores() >= -2e-6 * report.all().n()
            && rest.scores() <= rest.rows() + 2e-6 * report.all().n();
    if (!counts || !scores) {
      wrong.add(
          "bands of "
              + column
              + " leave "
              + rest
              + " to rows in no band, expected each row in one band at most, and counted as in all");
    }
  }

  /** What all rows have and the bands of a column have not: that of rows in no band. */
  record Rest(
      String column,
      long rows,
      long positives,
      long falsePositives,
      long falseNegatives,
      double scores) {
    static Rest of(BiasReportFile report, String column) {
      List<Group> bands = report.groups().stream().filter(g -> g.column().equals(column)).toList();
      return new Rest(
          column,
          left(report, bands, Group::n),
          left(report, bands, Group::positives),
          left(report, bands, g -> g.falsePositives().hits()),
          left(report, bands, g -> g.falseNegatives().hits()),
          report.all().n() * report.all().meanScore()
              - bands.stream().mapToDouble(g -> g.n() * g.meanScore()).sum());
    }

    private static long left(
        BiasReportFile report, List<Group> bands, ToLongFunction<Group> count) {
      return count.applyAsLong(report.all()) - bands.stream().mapToLong(count).sum();
    }

    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          "%d rows, %d positives, %d false positives, %d false negatives, a sum of scores of %.1f",
          rows,
          positives,
          falsePositives,
          falseNegatives,
          scores);
    }
  }

  private void expect(String what, Object actual, Object expected) {
    if (!actual.equals(expected)) {
      wrong.add(what + " " + actual + ", expected " + expected);
    }
  }
}
