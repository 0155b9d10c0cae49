package io.apgms.ml.gateway.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.gateway.http.FieldError;
import io.apgms.ml.gateway.http.Problem;
import io.apgms.ml.gateway.http.StrictJson;
import io.apgms.ml.registry.Alert;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AlertPayloadTest {
  /** As Alertmanager 0.25 sends it, fields that are not read among them. */
  private static final String GROUP =
      """
      {"receiver":"ml-service","status":"firing","alerts":[{"status":"firing","labels":{\
      "alertname":"MLInferenceDriftDetected","feature":"age","model":"m","severity":"ticket"},\
      "annotations":{"summary":"age of m 1 has drifted","runbook_url":"docs"},\
      "startsAt":"2026-11-24T22:00:00.123456789+10:00","endsAt":"0001-01-01T00:00:00Z",\
      "generatorURL":"http://p/graph","fingerprint":"1a30ba71cca2921f"}],\
      "groupLabels":{"alertname":"x"},"commonLabels":{},"commonAnnotations":{},\
      "externalURL":"http://a","version":"4","groupKey":"{}:{}","truncatedAlerts":0}""";

  private static List<Alert> read(String text) {
    return AlertPayload.read(StrictJson.object(text.getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void read_whatAlertmanagerSends_isTaken() {
    assertThat(read(GROUP))
        .singleElement()
        .satisfies(
            alert -> {
              assertThat(alert.fingerprint()).isEqualTo("1a30ba71cca2921f");
              assertThat(alert.name()).isEqualTo("MLInferenceDriftDetected");
              assertThat(alert.model()).isEqualTo("m");
              assertThat(alert.severity()).isEqualTo("ticket");
              assertThat(alert.summary()).isEqualTo("age of m 1 has drifted");
              assertThat(alert.startsAt()).isEqualTo("2026-11-24T12:00:00.123456Z");
              assertThat(alert.firing()).isTrue();
            });
    String ended = GROUP.replace("0001-01-01T00:00:00Z", "2026-11-24T23:00:00Z");
    assertThat(read(ended)).as("a timeout of what fires").allMatch(Alert::firing);
    assertThat(read(ended.replace("[{\"status\":\"firing\"", "[{\"status\":\"resolved\"")))
        .extracting(Alert::endsAt)
        .containsExactly(Instant.parse("2026-11-24T23:00:00Z"));
    assertThat(read("{\"version\":\"4\",\"alerts\":[]}")).isEmpty();
    String summary = GROUP.replace("age of m 1 has", "x".repeat(1_010));
    assertThat(read(summary).get(0).summary()).hasSize(1_000);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"version\":\"4\" | \"version\":\"5\" | /version | expected \"4\"",
        "\"version\":\"4\" | \"version\":4 | /version | a JSON number",
        "\"status\":\"firing\",\"labels\" | \"status\":\"away\",\"labels\" | /alerts/0/status |"
            + " firing or resolved",
        "\"status\":\"firing\",\"labels\" | \"status\":\"resolved\",\"labels\" | /alerts/0/endsAt |"
            + " when it was resolved",
        "\"alertname\":\"MLInferenceDriftDetected\", | '' | /alerts/0/labels/alertname | 1 to 255",
        "\"model\":\"m\" | \"model\":7 | /alerts/0/labels/model | a JSON number",
        "\"2026-11-24T22:00:00.123456789+10:00\" | \"yesterday\" | /alerts/0/startsAt | RFC 3339",
        "1a30ba71cca2921f | 1A | /alerts/0/fingerprint | of 0-9 and a-f",
        "\"annotations\":{ | \"annotations\":7,\"x\":{ | /alerts/0/annotations | a JSON number",
        "\"endsAt\":\"0001-01-01T00:00:00Z\" | \"endsAt\":\"never\" | /alerts/0/endsAt | RFC 3339"
      })
  void read_whatIsNone_isRefusedNamingTheField(
      String good, String bad, String pointer, String detail) {
    assertThat(GROUP).contains(good);
    assertThatThrownBy(() -> read(GROUP.replace(good, bad)))
        .isInstanceOfSatisfying(
            Problem.class,
            p -> {
              assertThat(p.status()).isEqualTo(422);
              assertThat(p.errors()).extracting(FieldError::pointer).contains(pointer);
              assertThat(p.errors().toString()).contains(detail);
            });
  }

  @Test
  void read_moreThanMayCome_isRefusedWithSixteenReasonsAtMost() {
    String alert = GROUP.substring(GROUP.indexOf("[{") + 1, GROUP.indexOf("}],") + 1);
    String many = "{\"version\":\"4\",\"alerts\":[" + (alert + ",").repeat(100) + alert + "]}";
    assertThatThrownBy(() -> read(many))
        .isInstanceOfSatisfying(
            Problem.class, p -> assertThat(p.errors().toString()).contains("101 alerts"));
    String wrong = many.replace("," + alert + "]", "]").replace("firing", "away");
    assertThatThrownBy(() -> read(wrong))
        .isInstanceOfSatisfying(Problem.class, p -> assertThat(p.errors()).hasSize(16));
  }
}
