package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The audit log of a running service, from outside: its proofs, its exports, and a tamperer. */
class ITAudit {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration BOUND = Duration.ofSeconds(30);
  private static final Map<String, String> QUICK =
      Map.of("ML_AUDIT_SEAL_MS", "1000", "ML_AUDIT_HEAD_MS", "1000", "ML_DECISION_MODE", "act");
  private static final String INPUTS =
      "{\"liquidity_ratio\":0.4,\"cash_burn_rate\":0.9,\"revenue_variance\":1.8,"
          + "\"late_lodgements_12m\":5,\"days_since_last_lodgement\":210,"
          + "\"payroll_to_revenue\":0.7,\"tax_debt_ratio\":0.9,\"industry_volatility\":0.6,"
          + "\"account_age_months\":14,\"refund_claim_ratio\":0.5,\"director_changes_24m\":3,"
          + "\"transaction_anomalies_30d\":9}";

  @TempDir Path dir;
  private String token;

  private RunningService start() throws Exception {
    RunningService service = RunningService.start(dir, QUICK);
    token = service.token("oncall,data-scientist");
    return service;
  }

  private static JsonNode score(RunningService service, String more) throws Exception {
    return score(service, INPUTS, more);
  }

  private static JsonNode score(RunningService service, String inputs, String more)
      throws Exception {
    String body = "{\"modelId\":\"risk-score\",\"inputs\":" + inputs + more + "}";
    HttpResponse<String> answer = service.api("POST", "/ml/score", body, Map.of());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    return RunningService.json(answer);
  }

  private HttpResponse<String> proof(RunningService service, String id) throws Exception {
    return service.management("GET", "/admin/audit/" + id + "/proof", null, token);
  }

  /** Until it is there and leads to a head that was exported. */
  private Path proved(RunningService service, String id) throws Exception {
    AtomicReference<JsonNode> last = new AtomicReference<>();
    RunningService.await(
        BOUND,
        () -> {
          try {
            HttpResponse<String> answer = proof(service, id);
            last.set(RunningService.json(answer));
            assertThat(answer.statusCode()).as(answer.body()).isIn(200, 409);
            return answer.statusCode() == 200
                && !last.get().path("head").path("exportedAt").isNull();
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
        });
    return Files.writeString(dir.resolve(id + ".json"), last.get().toString());
  }

  private void sql(String statements) throws Exception {
    String port = Files.readAllLines(dir.resolve("data/postgres/postmaster.pid")).get(3);
    try (var connection =
            DriverManager.getConnection(
                "jdbc:postgresql://127.0.0.1:" + port + "/postgres", "postgres", "postgres");
        var statement = connection.createStatement()) {
      statement.execute("SET session_replication_role = replica; " + statements);
    }
  }

  private String audit(RunningService service, int exit, String... arguments) throws Exception {
    return run(service, exit, "audit", arguments);
  }

  @Test
  void audit_ofARunningService_isProvedExportedAndCheckedOffline() throws Exception {
    String heads = dir.resolve("data/audit-heads").toString();
    String key = dir.resolve("data/audit-heads/audit-head.pub").toString();
    try (RunningService service = start()) {
      JsonNode held = score(service, "");
      assertThat(held.path("decision").path("enforced").asBoolean()).isTrue();
      JsonNode named = score(service, ",\"requestId\":\"r1\",\"groups\":{\"sex\":\"female\"}");
      service.management(
          "PUT", "/admin/decision-mode", "{\"mode\":\"observe\",\"reason\":\"drill\"}", token);
      JsonNode spooled = score(service, ",\"explain\":true");
      assertThat(spooled.path("decision").path("enforced").asBoolean()).isFalse();
      for (JsonNode decision : new JsonNode[] {held, named, spooled}) {
        Path file = proved(service, decision.path("predictionId").asText());
        assertThat(
                audit(
                    service,
                    0,
                    "verify",
                    "--proof",
                    file.toString(),
                    "--head",
                    heads,
                    "--key",
                    key))
            .contains("holds");
        Files.writeString(
            file, Files.readString(file).replace("\"data\":\"0014", "\"data\":\"0015"));
        assertThat(audit(service, 1, "verify", "--proof", file.toString()))
            .contains("does not hold");
      }
      String entry =
          RunningService.json(service.management("GET", "/admin/audit?limit=1", null, token))
              .path("entries")
              .get(0)
              .path("id")
              .asText();
      Path file = proved(service, entry);
      assertThat(audit(service, 0, "verify", "--proof", file.toString(), "--head", heads))
          .contains("holds");
      assertThat(proof(service, "01a20b18-06d9-780d-a669-e471754ece28").statusCode())
          .isEqualTo(404);
      assertThat(proof(service, "none").statusCode()).isEqualTo(404);
      assertThat(audit(service, 0, "verify")).contains("intact");
      assertThat(audit(service, 0, "show")).contains("bootstrap", "mode.force", "seal");
      String export = dir.resolve("audit.ndjson").toString();
      assertThat(audit(service, 0, "verify", "--head", heads, "--key", key)).contains("intact");
      audit(service, 0, "export", "--out", export);
      String evidence = dir.resolve("evidence").toString();
      String[] collect = {"--model", "risk-score", "--version", "20261123", "--out", evidence};
      assertThat(evidence(service, 0, collect)).contains("evidence of risk-score 20261123");
      service.kill(); // from here on there is no service to ask
      Path cut = dir.resolve("cut.ndjson");
      List<String> lines = Files.readAllLines(Path.of(export));
      Files.write(cut, lines.subList(0, lines.size() - 1));
      String[] offline = {"verify", "--offline", export, "--head", heads, "--key", key};
      assertThat(audit(service, 0, offline)).contains("intact");
      assertThat(audit(service, 1, "verify", "--offline", cut.toString(), "--head", heads))
          .contains("broken at seq " + lines.size());
      assertThat(audit(service, 0, "verify", "--offline", cut.toString())).contains("would pass");
      Path trust = Files.copy(RunningService.HOME.resolve("conf/trust.json"), dir.resolve("t"));
      assertThat(
              evidence(
                  service, 0, "--check", evidence, "--head", heads, "--trust", trust.toString()))
          .contains("holds");
      Path told = dir.resolve("evidence/evidence.json");
      Files.writeString(told, Files.readString(told).replace("bootstrap", "promote"));
      assertThat(evidence(service, 1, "--check", evidence)).contains("evidence.json was changed");
    }
  }

  private String evidence(RunningService service, int exit, String... arguments) throws Exception {
    return run(service, exit, "evidence", arguments);
  }

  private String run(RunningService service, int exit, String command, String... arguments)
      throws Exception {
    String[] all = new String[arguments.length + 1];
    all[0] = command;
    System.arraycopy(arguments, 0, all, 1, arguments.length);
    return service.run(Map.of("ML_TOKEN", token), exit, all);
  }

  /** What replay says is what the other version says when it is asked itself. */
  @Test
  void replay_ofLoggedDecisions_flipsAsTheOtherVersionDecides() throws Exception {
    int decisions = 80;
    try (RunningService service = start()) {
      List<JsonNode> before = new ArrayList<>();
      for (int i = 0; i < decisions; i++) {
        before.add(score(service, inputs(i), groups(i) + ",\"requestId\":\"r" + i + "\""));
      }
      String[] arguments = {
        "--model", "risk-score", "--version", "20261116", "--days", "1", "--json"
      };
      JsonNode told = JSON.readTree(run(service, 0, "replay", arguments));
      long toReview = 0;
      long toAllow = 0;
      long femaleToAllow = 0;
      for (int i = 0; i < decisions; i++) {
        String was = before.get(i).path("recommendation").asText();
        String is =
            score(service, inputs(i), ",\"modelVersion\":\"20261116\"")
                .path("recommendation")
                .asText();
        toReview += was.equals("allow") && is.equals("review") ? 1 : 0;
        toAllow += was.equals("review") && is.equals("allow") ? 1 : 0;
        femaleToAllow += was.equals("review") && is.equals("allow") && i % 3 == 0 ? 1 : 0;
      }
      assertThat(told.path("decisions").asInt()).isEqualTo(decisions);
      assertThat(told.path("allowToReview").asLong()).isEqualTo(toReview);
      assertThat(told.path("reviewToAllow").asLong()).isEqualTo(toAllow);
      assertThat(told.path("groups")).hasSize(2);
      assertThat(told.path("groups").get(0).path("value").asText()).isEqualTo("female");
      assertThat(told.path("groups").get(0).path("decisions").asInt()).isEqualTo(27);
      assertThat(told.path("groups").get(0).path("reviewToAllow").asLong())
          .isEqualTo(femaleToAllow);
      assertThat(toReview + toAllow).as("flips to tell").isPositive();
      attached(service, told);
      assertThat(
              run(
                  service,
                  2,
                  "replay",
                  "--model",
                  "risk-score",
                  "--version",
                  "20261116",
                  "--days",
                  "0"))
          .contains("expected 1 to 550");
    }
  }

  /** With its ticket's reviewers, and with no other's. */
  private void attached(RunningService service, JsonNode told) throws Exception {
    for (String version : List.of("20261116", "20261123")) {
      service.management(
          "POST",
          "/admin/tickets",
          "{\"modelId\":\"risk-score\",\"version\":\""
              + version
              + "\",\"trigger\":\"manual\",\"reason\":\"x\"}",
          token);
    }
    String[] replay = {"--model", "risk-score", "--version", "20261116", "--days", "1", "--ticket"};
    String[] to = java.util.Arrays.copyOf(replay, replay.length + 1);
    to[replay.length] = "MLAPPROVAL-2";
    assertThat(run(service, 1, "replay", to)).contains("expected sha256:", "of MLAPPROVAL-2");
    to[replay.length] = "MLAPPROVAL-1";
    assertThat(run(service, 0, "replay", to)).contains("attached to MLAPPROVAL-1, replay 1");
    JsonNode kept =
        RunningService.json(service.management("GET", "/admin/tickets/MLAPPROVAL-1", null, token))
            .at("/replays/0/summary");
    assertThat(kept.path("digest")).isEqualTo(told.path("digest"));
    assertThat(kept.path("groups").get(0).path("value").asText()).isEqualTo("female");
    assertThat(kept.path("decisions").asLong())
        .as("with those that were asked meanwhile")
        .isEqualTo(2 * told.path("decisions").asLong());
    assertThat(run(service, 0, "ticket", "show", "MLAPPROVAL-1"))
        .contains("replay 1", "sex=female", "allow -> review");
    assertThat(audit(service, 0, "show", "--limit", "500")).contains("ticket.replay");
  }

  private static String groups(int i) {
    return ",\"groups\":{\"sex\":\"" + (i % 3 == 0 ? "female" : "male") + "\"}";
  }

  /** From harmless to bad. */
  private static String inputs(int i) {
    return INPUTS
        .replace("\"tax_debt_ratio\":0.9", "\"tax_debt_ratio\":" + i / 80.0)
        .replace("\"late_lodgements_12m\":5", "\"late_lodgements_12m\":" + i / 20)
        .replace("\"cash_burn_rate\":0.9", "\"cash_burn_rate\":" + i / 100.0)
        .replace("\"transaction_anomalies_30d\":9", "\"transaction_anomalies_30d\":" + i / 16)
        .replace("\"liquidity_ratio\":0.4", "\"liquidity_ratio\":" + (2 - i / 50.0));
  }

  @Test
  void audit_tamperedBySuperuser_alarmsAndExportsNoMore() throws Exception {
    String heads = dir.resolve("data/audit-heads").toString();
    try (RunningService service = start()) {
      String id = score(service, "").path("predictionId").asText();
      proved(service, id);
      assertThat(service.metric("apgms_ml_audit_chain_intact")).isEqualTo(1);
      assertThat(service.metric("apgms_ml_audit_head_age_seconds")).isLessThan(10);
      sql("UPDATE feedback.decision SET score = 0.1, review = false, enforced = false");
      assertThat(proof(service, id).statusCode()).isEqualTo(409);
      assertThat(proof(service, id).body()).contains("not what was stored");

      sql(
          "DELETE FROM registry.audit_log WHERE seq > 2; UPDATE registry.audit_head SET seq = 2,"
              + " hash = (SELECT hash FROM registry.audit_log WHERE seq = 2)");
      assertThat(audit(service, 1, "verify")).contains("broken at seq 3");
      assertThat(audit(service, 1, "verify", "--head", heads)).contains("broken at seq 3");
      RunningService.await(BOUND, () -> intact(service) == 0);
      long exported = lines(heads);
      service.management(
          "PUT", "/admin/decision-mode", "{\"mode\":\"observe\",\"reason\":\"grown over\"}", token);
      RunningService.await(BOUND, () -> metric(service, "apgms_ml_audit_head_age_seconds") > 3);
      assertThat(lines(heads)).isEqualTo(exported);
      assertThat(intact(service)).isZero();
      assertThat(service.logText()).contains("the audit chain is broken at seq");
    }
  }

  private static double intact(RunningService service) {
    return metric(service, "apgms_ml_audit_chain_intact");
  }

  private static double metric(RunningService service, String name) {
    try {
      return service.metric(name);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static long lines(String heads) throws Exception {
    long lines = 0;
    try (var files = Files.list(Path.of(heads))) {
      for (Path file : files.filter(f -> f.toString().endsWith(".ndjson")).toList()) {
        lines += Files.readAllLines(file).size();
      }
    }
    return lines;
  }
}
