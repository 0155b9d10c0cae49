package io.apgms.ml.gateway.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.apgms.ml.feedback.GroupOutcome;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.gate.BiasDeltas.Figure;
import io.apgms.ml.registry.gate.Policy;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class BiasWatchTest {
  private static final BiasWatch.Version CREDIT =
      new BiasWatch.Version("credit-default", "20261123");

  private final BiasWatch watch =
      new BiasWatch(
          ArtifactStore.withoutSignatures(Path.of("../artifacts/models")),
          Policy.read(Path.of("../conf/policy.yaml")).bias());

  private static GroupOutcome of(String version, String groups, int... counts) {
    return new GroupOutcome(
        "credit-default",
        version,
        groups,
        counts[0],
        counts[1],
        counts[2],
        counts[3],
        counts[4],
        counts[5],
        100);
  }

  private static Figure figure(List<Figure> figures, String band, String name) {
    return figures.stream()
        .filter(f -> f.column().equals("sex") && f.band().equals(band) && f.figure().equals(name))
        .findFirst()
        .orElseThrow();
  }

  /** Counted by hand; by the values of the schema's bands or by their names. */
  @Test
  void of_decisionsWithGroups_isTheGatesDistanceFromAll() {
    List<Figure> figures =
        watch
            .of(
                List.of(
                    of("20261123", "{\"sex\":\"1\",\"x\":\"y\"}", 600, 60, 300, 100, 500, 100),
                    of("20261123", "{\"sex\":\"male\"}", 400, 40, 0, 0, 0, 0),
                    of("20261123", "{\"sex\":\"2\"}", 1_000, 300, 300, 300, 300, 100),
                    of("20261123", "{\"sex\":\"other\"}", 5_000, 5_000, 9, 9, 9, 9),
                    of("20261123", "not JSON any more", 5_000, 5_000, 9, 9, 9, 9)))
            .get(CREDIT);
    assertThat(figure(figures, "male", "selection rate").delta()).isCloseTo(0.1, within(1e-9));
    assertThat(figure(figures, "female", "selection rate").rows()).isEqualTo(1_000);
    // FPR: 100 of 600 beside 400 of 1,200; FNR: 100 of 400 beside 200 of 800
    assertThat(figure(figures, "male", "false-positive rate").delta())
        .isCloseTo(1.0 / 3 - 1.0 / 6, within(1e-9));
    assertThat(figure(figures, "male", "false-negative rate").delta()).isCloseTo(0, within(1e-9));
    assertThat(figure(figures, "female", "calibration gap").rows()).isEqualTo(1_000);
    assertThat(figures).filteredOn(f -> f.column().equals("sex")).allMatch(Figure::isMeasurable);
    assertThat(figures)
        .as("nobody told of age")
        .filteredOn(f -> f.column().equals("age"))
        .isNotEmpty()
        .noneMatch(Figure::isMeasurable);
    assertThat(figures).as("the bands of the schema, four figures each").hasSize(13 * 4);
  }

  @Test
  void of_versionThatIsGone_hasNoFigures() {
    Map<BiasWatch.Version, List<Figure>> figures =
        watch.of(List.of(of("20200101", "{\"sex\":\"1\"}", 1, 1, 1, 0, 0, 0)));
    assertThat(figures.values()).containsExactly(List.of());
  }
}
