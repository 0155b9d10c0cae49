package io.apgms.ml.gateway.pagerduty;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The stub is worth what it refuses. */
class PagerDutyStubTest {
  private static final String ALERT =
      "{\"routing_key\":\""
          + PagerDutyStub.KEY
          + "\",\"event_action\":\"trigger\",\"dedup_key\":\"k\",\"client\":\"c\",\"payload\":{"
          + "\"summary\":\"s\",\"source\":\"h\",\"severity\":\"critical\",\"class\":\"MLX\"}}";
  private static final String CHANGE =
      "{\"routing_key\":\""
          + PagerDutyStub.KEY
          + "\",\"payload\":{\"summary\":\"s\",\"source\":\"h\","
          + "\"timestamp\":\"2026-11-24T22:00:00Z\",\"custom_details\":{\"a\":1}}}";

  private PagerDutyStub stub;

  @BeforeEach
  void start() throws Exception {
    stub = PagerDutyStub.start();
  }

  @AfterEach
  void stop() {
    stub.close();
  }

  private HttpResponse<String> send(String method, String path, String type, String body)
      throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(stub.url() + path))
            .header("Content-Type", type)
            .method(method, BodyPublishers.ofString(body))
            .build();
    return HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
  }

  private void assertRefused(String path, String body, String why) throws Exception {
    HttpResponse<String> answer = send("POST", path, "application/json", body);
    assertThat(answer.statusCode()).as(body).isEqualTo(400);
    assertThat(answer.body()).contains("invalid event", why);
  }

  @Test
  void stub_whatPagerDutyTakes_isTaken() throws Exception {
    HttpResponse<String> alert = send("POST", "/v2/enqueue", "application/json", ALERT);
    assertThat(alert.statusCode()).isEqualTo(202);
    assertThat(alert.body()).contains("\"dedup_key\":\"k\"");
    String resolve = ALERT.replace("trigger", "resolve");
    assertThat(send("POST", "/v2/enqueue", "application/json", resolve).statusCode())
        .isEqualTo(202);
    String json = "application/json; charset=utf-8";
    assertThat(send("POST", "/v2/change/enqueue", json, CHANGE).statusCode()).isEqualTo(202);
    assertThat(stub.alerts()).hasSize(2);
    assertThat(stub.changes()).hasSize(1);
  }

  @Test
  void stub_wrongShapes_areRefused() throws Exception {
    String alert = "/v2/enqueue";
    assertRefused(alert, ALERT.replace(PagerDutyStub.KEY, "short"), "32 characters");
    assertRefused(alert, ALERT.replace("0123", "9999"), "of no service");
    assertRefused(alert, ALERT.replace("trigger", "open"), "event_action");
    assertRefused(alert, ALERT.replace("critical", "page"), "payload.severity");
    assertRefused(alert, ALERT.replace("\"source\":\"h\",", ""), "payload.source");
    assertRefused(alert, ALERT.replace("\"s\"", "\"" + "x".repeat(1_025) + "\""), "summary");
    assertRefused(alert, ALERT.replace("\"client\"", "\"klient\""), "'klient' is unknown");
    assertRefused(
        alert,
        ALERT.replace("trigger", "resolve").replace("\"dedup_key\":\"k\",", ""),
        "dedup_key");
    assertRefused(alert, "[]", "32 characters");
    assertRefused(alert, "{", "Invalid JSON");
    String change = "/v2/change/enqueue";
    assertRefused(change, ALERT, "'event_action' is unknown");
    assertRefused(change, CHANGE.replace("2026-11-24T22:00:00Z", "today"), "timestamp");
    assertRefused(change, CHANGE.replace("{\"a\":1}", "\"a\""), "custom_details");
    assertRefused(change, CHANGE.replace("\"summary\":\"s\",", ""), "payload.summary");
    assertRefused(change, CHANGE.replace("payload", "body"), "'payload' is missing");
    assertThat(stub.alerts()).isEmpty();
    assertThat(stub.changes()).isEmpty();
    assertThat(stub.refused()).hasSizeGreaterThan(14);
  }

  @Test
  void stub_wrongDoors_areRefused() throws Exception {
    assertThat(send("POST", "/v1/enqueue", "application/json", ALERT).statusCode()).isEqualTo(404);
    assertThat(send("PUT", "/v2/enqueue", "application/json", ALERT).statusCode()).isEqualTo(405);
    assertThat(send("POST", "/v2/enqueue", "text/plain", ALERT).statusCode()).isEqualTo(400);
  }
}
