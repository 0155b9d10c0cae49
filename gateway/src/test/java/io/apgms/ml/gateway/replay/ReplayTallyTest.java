package io.apgms.ml.gateway.replay;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.feedback.Decision;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class ReplayTallyTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static Decision logged(double score, String groups) {
    return new Decision(
        new UUID(0x7000, 1),
        "m",
        "20261116",
        "d",
        new float[0],
        groups,
        score,
        0.5,
        score >= 0.5,
        false,
        false,
        "file",
        0,
        null,
        null,
        null);
  }

  private static JsonNode told(ReplayTally tally) {
    ObjectNode out = JSON.createObjectNode();
    tally.into(out);
    return out;
  }

  @Test
  void add_manyDecisions_countsAsByHand() {
    SplittableRandom random = new SplittableRandom(7);
    ReplayTally tally = new ReplayTally(0.6);
    List<Double> shifts = new ArrayList<>();
    int[][] expected = new int[3][3]; // all, female, male: decisions, to review, to allow
    for (int i = 0; i < 5_000; i++) {
      double was = random.nextInt(10_001) / 1e4;
      double is = random.nextInt(10_001) / 1e4;
      int sex = random.nextInt(3);
      String groups = sex == 0 ? null : "{\"sex\":\"" + (sex == 1 ? "female" : "male") + "\"}";
      tally.add(logged(was, groups), is);
      shifts.add(is - was);
      for (int row : sex == 0 ? new int[] {0} : new int[] {0, sex}) {
        expected[row][0]++;
        expected[row][1] += was < 0.5 && is >= 0.6 ? 1 : 0;
        expected[row][2] += was >= 0.5 && is < 0.6 ? 1 : 0;
      }
    }
    JsonNode told = told(tally);
    assertCounts(told, expected[0]);
    assertThat(told.path("groups")).hasSize(2);
    assertCounts(told.path("groups").get(0), expected[1]);
    assertCounts(told.path("groups").get(1), expected[2]);
    assertThat(told.path("groups").get(1).path("value").asText()).isEqualTo("male");
    assertThat(told.path("byVersion").path("20261116").asInt()).isEqualTo(5_000);
    Collections.sort(shifts);
    for (int p : new int[] {1, 5, 25, 50, 75, 95, 99}) {
      double quantile = shifts.get((int) Math.ceil(p / 100.0 * 5_000) - 1);
      assertThat(told.path("scoreShift").path("p" + p).asDouble())
          .isCloseTo(quantile, org.assertj.core.data.Offset.offset(1e-4));
    }
  }

  private static void assertCounts(JsonNode told, int[] expected) {
    assertThat(told.path("decisions").asInt()).isEqualTo(expected[0]);
    assertThat(told.path("allowToReview").asInt()).isEqualTo(expected[1]);
    assertThat(told.path("reviewToAllow").asInt()).isEqualTo(expected[2]);
    assertThat(told.path("reviewAfter").asInt())
        .isEqualTo(told.path("reviewBefore").asInt() + expected[1] - expected[2]);
  }

  @Test
  void add_groupsWithoutEnd_areBounded() {
    ReplayTally tally = new ReplayTally(0.5);
    for (int i = 0; i < 20_000; i++) {
      tally.add(logged(0.2, "{\"a" + i % 700 + "\":\"v" + i + "\"}"), 0.9);
    }
    JsonNode told = told(tally);
    assertThat(told.path("groups").size()).isLessThanOrEqualTo(1_002);
    int sum = 0;
    for (JsonNode group : told.path("groups")) {
      sum += group.path("allowToReview").asInt();
    }
    assertThat(sum).isEqualTo(20_000);
  }

  @Test
  void into_ofNoDecision_saysSo() {
    JsonNode told = told(new ReplayTally(0.5));
    assertThat(told.path("decisions").asInt()).isZero();
    assertThat(told.path("scoreShift")).isEmpty();
  }
}
