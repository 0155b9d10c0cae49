package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.http.DevIssuer;
import io.apgms.ml.gateway.http.Roles;
import io.apgms.ml.registry.Manifest;
import io.apgms.ml.registry.drift.Bins;
import io.apgms.ml.registry.drift.Drift;
import io.vertx.core.Vertx;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real rows through two real replicas: what is drift is told, and nothing else is. */
class ITDrift {
  private static final String DRIFT = "/admin/models/credit-default/drift";
  private static final Duration BOUND = Duration.ofSeconds(30);
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path dir;

  private static Map<String, Drift> measured(List<float[]> rows) {
    Map<String, Drift> drifts = new TreeMap<>();
    for (Manifest.Feature f : CreditRows.MANIFEST.features()) {
      Bins bins = Bins.of(f.baseline(), f.nullable());
      long[] cells = new long[bins.cells()];
      rows.forEach(row -> cells[bins.cell(row[CreditRows.column(f.name())])]++);
      drifts.put(f.name(), Drift.of(bins.baseline(), cells));
    }
    return drifts;
  }

  /** At most one in twenty may be above the quantile; above the threshold none was ever seen. */
  @Test
  void windows_ofRealRowsWithoutDrift_raiseNothing() throws Exception {
    List<float[]> rows = CreditRows.read();
    double largest = 0;
    for (int seed = 0; seed < 20; seed++) {
      for (Map.Entry<String, Drift> drift : measured(CreditRows.some(rows, 500, seed)).entrySet()) {
        assertThat(drift.getValue().verdict())
            .as("%s, seed %d: %s", drift.getKey(), seed, drift.getValue())
            .isEqualTo(Drift.Verdict.STABLE);
        largest = Math.max(largest, drift.getValue().psi());
      }
    }
    assertThat(largest).isBetween(0.02, 0.1);
    Map<String, Drift> planted = measured(CreditRows.shifted(CreditRows.some(rows, 500, 0)));
    assertThat(planted.entrySet())
        .filteredOn(e -> e.getValue().verdict() == Drift.Verdict.DRIFTED)
        .extracting(Map.Entry::getKey)
        .containsExactly(CreditRows.SHIFTED);
  }

  private RunningService replica(String name, EmbeddedPostgres postgres) {
    try {
      return RunningService.start(
          dir.resolve(name),
          Map.of(
              "ML_DATABASE_URL",
              "postgresql://postgres:postgres@127.0.0.1:" + postgres.getPort() + "/postgres"));
    } catch (Exception e) {
      throw new AssertionError(name, e);
    }
  }

  private String token() throws Exception {
    Vertx vertx = Vertx.vertx();
    try {
      DevIssuer issuer = DevIssuer.open(vertx, dir.resolve("a/data"));
      Path keys = Files.createDirectories(dir.resolve("b/data/keys"));
      Files.copy(dir.resolve("a/data/keys/dev-issuer.key"), keys.resolve("dev-issuer.key"));
      return issuer.mint("olga", null, List.of(Roles.ONCALL));
    } finally {
      PlantedService.await(vertx.close());
    }
  }

  private static HttpResponse<String> score(RunningService service, float[] row) throws Exception {
    return score(service, row, null);
  }

  private static HttpResponse<String> score(RunningService service, float[] row, String requestId)
      throws Exception {
    ObjectNode body = JSON.createObjectNode().put("modelId", "credit-default");
    if (requestId != null) {
      body.put("requestId", requestId);
    }
    ObjectNode inputs = body.putObject("inputs");
    for (int i = 0; i < row.length; i++) {
      inputs.put(CreditRows.MANIFEST.features().get(i).name(), row[i]);
    }
    return service.api("POST", "/ml/score", body.toString());
  }

  private static JsonNode version(RunningService service, String token) {
    try {
      HttpResponse<String> answer = service.management("GET", DRIFT, null, token);
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
      return RunningService.json(answer).at("/versions/0");
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static void awaitRows(List<RunningService> replicas, String token, int rows)
      throws Exception {
    for (RunningService replica : replicas) {
      RunningService.await(BOUND, () -> version(replica, token).at("/score/rows").asInt() == rows);
    }
  }

  private static List<String> verdicts(JsonNode version, String verdict) {
    List<String> names = new ArrayList<>();
    for (JsonNode feature : version.path("features")) {
      if (feature.path("verdict").asText().equals(verdict)) {
        names.add(feature.path("name").asText());
      }
    }
    return names;
  }

  @Test
  void drift_overTwoReplicas_isToldOfTheRightFeatureOnly() throws Exception {
    List<float[]> rows = CreditRows.read();
    String token = token();
    String active = "version=\"" + CreditRows.VERSION + "\"";
    String[] shifted = {active, "feature=\"" + CreditRows.SHIFTED + "\""};
    try (EmbeddedPostgres postgres =
            EmbeddedPostgres.builder().setDataDirectory(dir.resolve("cluster")).start();
        RunningService a = replica("a", postgres)) {
      CompletableFuture<RunningService> other =
          CompletableFuture.supplyAsync(() -> replica("b", postgres));
      assertThat(a.management("GET", "/metrics", null, null).body())
          .as("there from the first scrape")
          .contains("apgms_ml_feature_drift_score{feature=\"limit_bal\"");

      for (float[] row : CreditRows.some(rows, 179, 1)) {
        assertThat(score(a, row).statusCode()).isEqualTo(200);
      }
      for (int again = 0; again < 3; again++) { // one decision
        assertThat(score(a, rows.get(7), "r-1").statusCode()).isEqualTo(200);
      }
      CreditRows.infer(a, CreditRows.some(rows, 20, 2));
      CreditRows.infer(
          a,
          "/versions/" + CreditRows.VERSION,
          Collections.nCopies(100, rows.get(0))); // a check: not counted
      float[] wrong = rows.get(0).clone();
      wrong[CreditRows.LIMIT] = -5; // refused: below the manifest's range
      assertThat(score(a, wrong).statusCode()).isEqualTo(422);
      try (RunningService b = other.join()) {
        List<RunningService> both = List.of(a, b);
        awaitRows(both, token, 200);
        JsonNode quiet = version(b, token);
        assertThat(verdicts(quiet, "insufficient data")).hasSize(19);
        assertThat(quiet.path("drifted").asBoolean()).isFalse();
        assertThat(a.metric("apgms_ml_feature_drift_score", shifted)).isNaN();
        assertThat(a.metric("apgms_ml_feature_out_of_range_ratio", shifted)).isEqualTo(1.0 / 201);
        assertThat(a.run(Map.of("ML_TOKEN", token), 0, "drift")).contains("insufficient data");

        // Each replica has other customers: what it sees alone has drifted, all rows have not.
        List<float[]> more = new ArrayList<>(CreditRows.some(rows, 1_000, 3));
        more.sort((x, y) -> Float.compare(x[CreditRows.LIMIT], y[CreditRows.LIMIT]));
        Drift alone = measured(more.subList(0, 500)).get(CreditRows.SHIFTED);
        assertThat(alone.verdict()).isEqualTo(Drift.Verdict.DRIFTED);
        CreditRows.infer(a, more.subList(0, 500));
        CreditRows.infer(b, more.subList(500, 1_000));
        awaitRows(both, token, 1_200);
        assertThat(verdicts(version(a, token), "stable")).hasSize(19);
        assertThat(version(b, token).at("/score/verdict").asText()).isEqualTo("stable");

        CreditRows.infer(a, CreditRows.shifted(CreditRows.some(rows, 2_000, 4)));
        CreditRows.infer(b, CreditRows.shifted(CreditRows.some(rows, 2_000, 5)));
        awaitRows(both, token, 5_200);
        for (RunningService replica : both) {
          assertThat(verdicts(version(replica, token), "drifted"))
              .containsExactly(CreditRows.SHIFTED);
          assertThat(replica.metric("apgms_ml_feature_drift_score", shifted))
              .isGreaterThan(replica.metric("apgms_ml_feature_drift_threshold", shifted));
          assertThat(replica.metric("apgms_ml_drift_rows", active, "credit-default"))
              .isEqualTo(5_200);
        }
        assertThat(b.run(Map.of("ML_TOKEN", token), 1, "drift", "--model", "credit-default"))
            .containsPattern("limit_bal +drifted");
      }
    }
  }
}
