package io.apgms.ml.gateway.incident;

import static io.apgms.ml.gateway.incident.Planted.NEW;
import static io.apgms.ml.gateway.incident.Planted.OLD;
import static io.apgms.ml.gateway.incident.Planted.always;
import static io.apgms.ml.gateway.incident.Planted.at;
import static io.apgms.ml.gateway.incident.Planted.since;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ReviewTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String MODEL = "risk-score";

  /** Errors from point 20 on, just after a promotion; rolled back at point 32, over at 40. */
  private static Planted night() {
    return new Planted()
        .traffic(NEW, always(400), always(2), i -> i >= 20 && i < 40 ? 100 : 0)
        .kind("invalid_output", i -> i >= 20 && i < 40 ? 100 : 0)
        .add(Series.BUDGET, i -> i < 20 ? 0.99 : 0.85)
        .add(
            Series.ALERTS,
            i -> i >= 28 && i < 44 ? 1 : Double.NaN,
            "alertname",
            "MLInferenceErrors",
            "severity",
            "page");
  }

  private static AuditLine line(long seq, Instant at, String action, String detail) {
    try {
      JsonNode json = JSON.readTree(detail);
      return new AuditLine(seq, at, action, MODEL, "id-" + seq, json);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static List<AuditLine> log() {
    return List.of(
        line(
            100,
            at(19),
            "promote",
            "{\"from\":\"20261116\",\"to\":\"20261123\",\"revision\":3,\"reason\":\"for Ms Doe\"}"),
        line(101, at(20), "seal", "{}"),
        line(102, at(30), "mode.force", "{\"mode\":\"observe\",\"reason\":\"Ms Doe was held\"}"),
        line(
            103,
            at(32),
            "rollback",
            "{\"from\":\"20261123\",\"to\":\"20261116\",\"revision\":4,\"incident\":\"INC-1\"}"));
  }

  private static Deployed deployed() {
    return new Deployed(
        MODEL,
        List.of(
            new Deployed.Revision(4, OLD, Change.Kind.rollback, at(32), NEW, null, "id-103"),
            new Deployed.Revision(
                3, NEW, Change.Kind.promote, at(19), OLD, "MLAPPROVAL-2", "id-100"),
            new Deployed.Revision(
                1, OLD, Change.Kind.bootstrap, at(0).minusSeconds(9_999), null, null, "id-1")));
  }

  private static Review.Material material(Planted night, List<AuditLine> log) throws IOException {
    Reading reading = night.reading();
    Figures figures = Figures.of(reading, Planted.BOUNDS, null);
    return new Review.Material(
        MODEL,
        "INC-1",
        at(0),
        at(60),
        reading,
        Planted.BOUNDS,
        night.verdict(),
        figures,
        figures,
        0.99,
        0.85,
        deployed(),
        log,
        "intact, 103 entries",
        List.of(new Holds(NEW, 12, 5, false)),
        new LabelCounts(Map.of("FALSE_POSITIVE", 5L), false),
        List.of());
  }

  private static String review(List<AuditLine> log) throws IOException {
    return Review.of(material(night(), log));
  }

  /** Entries of the log that the timeline does not have. */
  private static List<Long> missing(String review, List<AuditLine> log) {
    List<Long> missing = new ArrayList<>();
    for (AuditLine line : log) {
      if (!line.action().equals("seal")
          && review.lines().noneMatch(l -> l.endsWith("| audit " + line.seq() + " |"))) {
        missing.add(line.seq());
      }
    }
    return missing;
  }

  @Test
  void of_aNight_tellsItInOrderWithItsTimes() throws IOException {
    String review = review(log());
    assertThat(review)
        .contains("# Post-incident review INC-1: errors of risk-score")
        .contains("- What led: **errors**, 10.0 times its bound")
        .contains("- It began at " + at(20))
        .contains("- Just before: promote 20261116 -> 20261123, revision 3, MLAPPROVAL-2")
        .contains("- Time to detect: " + Words.time(Duration.ofSeconds(8 * 15)))
        .contains("- Time to mitigate: " + Words.time(Duration.ofSeconds(10 * 15)))
        .contains("- Time to recover: " + Words.time(Duration.ofSeconds(19 * 15)))
        .contains("- 20261123 was left by revision 4 (rollback) for 20261116.")
        .contains("Audit log: intact, 103 entries.");
    assertThat(review.indexOf("| errors over the bound |"))
        .isGreaterThan(review.indexOf("| audit 100 |"))
        .isLessThan(review.indexOf("MLInferenceErrors (page) fires"));
    assertThat(review.indexOf("| audit 103 |"))
        .isLessThan(review.indexOf("MLInferenceErrors (page) is resolved"));
    assertThat(missing(review, log())).isEmpty();
  }

  @Test
  void of_aNight_listsWhatIsLeftToDo() throws IOException {
    assertThat(review(log()))
        .contains("- [ ] Check 7 holds of 20261123 that nobody has labelled")
        .contains("- [ ] Do not return to 20261123")
        .contains("- [ ] Observe is still forced")
        .contains("- [ ] More than a tenth of the error budget is gone")
        .doesNotContain("no alert told of it")
        .doesNotContain("still pinned");
  }

  @Test
  void of_symptomWithoutAlert_asksWhy() throws IOException {
    Planted silent =
        new Planted()
            .traffic(NEW, always(400), since(20, 200), always(0))
            .add(
                Series.ALERTS,
                since(25, 1),
                "alertname",
                "MLInferenceDriftDetected",
                "severity",
                "ticket");
    assertThat(Review.of(material(silent, log())))
        .contains("- [ ] latency over the bound since " + at(20) + ", and no alert told of it");
  }

  /** What was written freely, and who acted, stay in the log. */
  @Test
  void of_aNight_namesNobody() throws IOException {
    assertThat(review(log()))
        .doesNotContain("Doe")
        .contains("bin/ml-service audit show --after 99");
  }

  /** The control: a log that lacks an entry, and a page that does. */
  @Test
  void of_anEntryRemoved_isNoticed() throws IOException {
    List<AuditLine> cut = new ArrayList<>(log());
    cut.remove(2);
    String review = review(cut);
    assertThat(review).contains("**The audit log lacks entries 102 to 102.**");
    assertThat(review).contains("- [ ] Entries are missing from the audit log");
    assertThat(missing(review, log())).containsExactly(102L);
    assertThat(review(log())).doesNotContain("lacks entries");
  }

  @Test
  void of_otherModelsEntries_areLeftOut() throws IOException {
    List<AuditLine> log = new ArrayList<>(log());
    log.add(
        new AuditLine(
            104, at(33), "pin", "credit-default", "id-104", JSON.readTree("{\"to\":\"1\"}")));
    assertThat(review(log)).doesNotContain("audit 104");
  }

  @Test
  void of_nothingRead_saysSo() throws IOException {
    Reading none = new Reading(Grid.whole(at(0), at(60)), Map.of());
    Figures nothing = Figures.of(none, Planted.BOUNDS, null);
    Review.Material empty =
        new Review.Material(
            MODEL,
            "",
            at(0),
            at(60),
            none,
            Planted.BOUNDS,
            Triage.of(none, Planted.BOUNDS, (symptom, crossing) -> crossing),
            nothing,
            nothing,
            Double.NaN,
            Double.NaN,
            deployed(),
            log(),
            "not checked",
            List.of(),
            new LabelCounts(Map.of(), false),
            List.of("every figure of the metrics"));
    assertThat(Review.of(empty))
        .contains("No symptom was over its bound", "| audit 103 |", "every figure of the metrics")
        .doesNotContain("NaN");
  }
}
