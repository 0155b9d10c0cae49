package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.apgms.ml.registry.ErrorBudget;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A budget that is spent for real: by a version whose SLO promises answers within a millisecond,
 * under more load than that.
 */
class ITErrorBudget {
  private static final String SLOW = "20261130";
  private static final String NEXT = "20261130-2";
  private static final String REMAINING = "apgms_ml_error_budget_remaining_ratio";
  private static final String BURN_RATE = "apgms_ml_error_budget_burn_rate";
  private static final String MODEL = "model=\"risk-score\"";
  private static final Duration BOUND = Duration.ofSeconds(30);

  @TempDir Path dir;

  private static double metric(RunningService service, String name, String... labels) {
    try {
      return service.metric(name, labels);
    } catch (Exception e) {
      return Double.NaN; // not up yet
    }
  }

  /** Sends scoring requests, 64 at a time. */
  private static void load(RunningService service, int requests) throws Exception {
    HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + service.apiPort() + "/ml/score"))
            .header("Content-Type", "application/json")
            .timeout(Duration.ofSeconds(20))
            .POST(BodyPublishers.ofString(ITFaults.CASE))
            .build();
    Semaphore free = new Semaphore(64);
    for (int i = 0; i < requests; i++) {
      free.acquire();
      var unused =
          client
              .sendAsync(request, BodyHandlers.discarding())
              .whenComplete((answer, failure) -> free.release());
    }
    free.acquire(64);
  }

  @Test
  void promote_budgetSpentByLateAnswers_isRefusedUntilComplianceWaivesIt() throws Exception {
    ApprovalRun run = new ApprovalRun(dir);
    run.latencyMs = 1;
    try (RunningService service = RunningService.start(dir, run.environment())) {
      Approvers people = new Approvers(service, run, dir);
      assertThat(service.metric(REMAINING, MODEL)).as("there at once, and whole").isEqualTo(1);
      for (String window : ErrorBudget.WINDOWS.keySet()) {
        String page = service.management("GET", "/metrics", null, null).body();
        assertThat(page).contains(BURN_RATE + "{model=\"risk-score\",window=\"" + window + "\"} 0");
      }
      String first = people.approved(SLOW, run.candidate(service, SLOW));
      assertThat(people.promote(SLOW, first).statusCode()).isEqualTo(200);
      String next = people.approved(NEXT, run.candidate(service, NEXT));
      assertThat(people.ticket(next).path("missing")).as("the positive control").isEmpty();
      assertThat(people.waive("cora", next, "error-budget").body()).contains("nothing-to-waive");

      load(service, 11_000);
      RunningService.await(BOUND, () -> metric(service, REMAINING, MODEL) < 0);
      assertThat(service.metric(BURN_RATE, MODEL, "window=\"5m\"")).isGreaterThan(1);
      String other = "model=\"credit-default\"";
      assertThat(service.metric(REMAINING, other)).as("a budget of its own").isEqualTo(1);

      double spent = service.metric(REMAINING, MODEL);
      service.kill();
      service.launch();
      assertThat(service.metric(REMAINING, MODEL)).as("kept").isCloseTo(spent, within(0.5));
      HttpResponse<String> refused = people.promote(NEXT, next);
      assertThat(refused.statusCode()).isEqualTo(409);
      assertThat(RunningService.json(refused).path("errors").toString())
          .contains("error-budget: the error budget of risk-score over 30 days has -")
          .contains("counted from 10000 requests on", "a waiver by compliance");
      assertThat(RunningService.json(refused).path("errors")).hasSize(1);

      assertThat(people.waive("ben", next, "error-budget").statusCode()).isEqualTo(403);
      for (String never : List.of("integrity", "smoke")) { // one may not be, the other passed
        assertThat(people.waive("cora", next, never).body()).contains("nothing-to-waive");
      }
      assertThat(people.waive("cora", next, "all").statusCode()).isEqualTo(422);
      assertThat(people.waive("cora", next, "error-budget").statusCode()).isEqualTo(200);
      assertThat(people.promote(NEXT, next).statusCode()).isEqualTo(200);
      JsonNode log =
          RunningService.json(people.call("olga", "GET", "/admin/audit?limit=500", null));
      assertThat(log.toString())
          .contains("promote.refused", "\\\"gate\\\":\\\"error-budget\\\"", "errorBudgetRemaining");
    }
  }
}
