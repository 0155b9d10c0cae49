package io.apgms.ml.gateway.admin;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.feedback.GroupOutcome;
import io.apgms.ml.registry.gate.BiasDeltas;
import io.apgms.ml.registry.gate.BiasDeltas.Counts;
import io.apgms.ml.registry.gate.BiasDeltas.Figure;
import io.apgms.ml.registry.gate.Policy;
import io.apgms.ml.training.data.ModelSchema;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/**
 * How far the decisions on each protected group are from those on all, by the gate's own code,
 * where requests carry their groups. Bands are those of the version's schema, by their values or by
 * their names; what a request says beside them is in no band.
 */
final class GroupBias {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String SELECTION = "selection rate";

  private GroupBias() {}

  private record Grouped(GroupOutcome counts, JsonNode groups) {}

  /**
   * Every figure of every band: the selection rate over all decisions, the others over labelled
   * ones.
   *
   * @param outcomes of one version
   */
  static List<Figure> of(
      List<GroupOutcome> outcomes, List<ModelSchema.Protected> columns, Policy.Bias policy) {
    List<Grouped> all = outcomes.stream().map(o -> new Grouped(o, json(o.groupsJson()))).toList();
    List<Figure> figures = new ArrayList<>();
    for (ModelSchema.Protected column : columns) {
      List<Grouped> known = all.stream().filter(g -> !band(g, column).isEmpty()).toList();
      figures.addAll(figures(known, column, true, policy));
      figures.addAll(figures(known, column, false, policy));
    }
    return figures;
  }

  private static List<Figure> figures(
      List<Grouped> rows, ModelSchema.Protected column, boolean selection, Policy.Bias policy) {
    Counts all = counts(rows, "", "all", selection);
    List<Counts> bands =
        column.bands().stream()
            .map(
                b ->
                    counts(
                        rows.stream().filter(in(column, b.name())).toList(),
                        column.name(),
                        b.name(),
                        selection))
            .toList();
    return BiasDeltas.of(all, bands, policy).stream()
        .filter(f -> f.figure().equals(SELECTION) == selection)
        .toList();
  }

  private static Predicate<Grouped> in(ModelSchema.Protected column, String band) {
    return grouped -> band(grouped, column).equals(band);
  }

  /** Of all decisions only the selected are known: as if each selection were right. */
  private static Counts counts(List<Grouped> rows, String column, String band, boolean selection) {
    int n = 0;
    int positives = 0;
    int falsePositives = 0;
    int falseNegatives = 0;
    double scores = 0;
    for (Grouped row : rows) {
      GroupOutcome c = row.counts;
      if (selection) {
        n += c.decisions();
        positives += c.reviews();
      } else {
        n += c.truePositives() + c.falsePositives() + c.trueNegatives() + c.falseNegatives();
        positives += c.truePositives() + c.falseNegatives();
        falsePositives += c.falsePositives();
        falseNegatives += c.falseNegatives();
        scores += c.scores();
      }
    }
    return new Counts(column, band, n, positives, falsePositives, falseNegatives, scores);
  }

  private static String band(Grouped row, ModelSchema.Protected column) {
    String cell = row.groups.path(column.name()).asText();
    Set<String> names =
        column.bands().stream()
            .map(ModelSchema.Band::name)
            .collect(java.util.stream.Collectors.toSet());
    String band = column.bandOf(cell);
    return band.isEmpty() && names.contains(cell) ? cell : band;
  }

  private static JsonNode json(String groups) {
    try {
      return JSON.readTree(groups);
    } catch (JsonProcessingException e) {
      return JSON.createObjectNode(); // pseudonyms of a redaction: in no band
    }
  }
}
