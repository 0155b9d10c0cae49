package io.apgms.ml.gateway.incident;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class ToldAlertTest {
  private static final Instant NOW = Instant.parse("2026-11-23T08:00:00Z");

  private final ArrayNode alerts = new ObjectMapper().createArrayNode();

  private void alert(String name, String model, int began, Integer ended) {
    alerts
        .addObject()
        .put("name", name)
        .put("modelId", model)
        .put("severity", model == null ? null : "page")
        .put("startsAt", NOW.minusSeconds(began).toString())
        .put("endsAt", ended == null ? null : NOW.minusSeconds(ended).toString())
        .put("seenAt", NOW.minusSeconds(1).toString());
  }

  @Test
  void firing_ofEachKind_keepsThoseThatFireForTheModelOrForNone() {
    alert("later", "m", 60, null);
    alert("first", null, 7_200, null);
    alert("ends in a while", "m", 90, -60);
    alert("ended", "m", 600, 30);
    alert("ends now", "m", 600, 0);
    alert("of another", "n", 600, null);
    assertThat(ToldAlert.firing(alerts, "m", NOW))
        .extracting(ToldAlert::name)
        .containsExactly("first", "ends in a while", "later");
    assertThat(ToldAlert.firing(alerts, "m", NOW).get(0))
        .isEqualTo(new ToldAlert("first", "", NOW.minusSeconds(7_200), NOW.minusSeconds(1)));
  }

  @Test
  void firing_ofNone_isEmpty() {
    assertThat(ToldAlert.firing(alerts, "m", NOW)).isEmpty();
  }
}
