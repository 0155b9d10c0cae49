package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.jira.JiraStub;
import io.apgms.ml.gateway.mirror.FaultyServer;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.GateResult.Outcome;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** A candidate's way to being active, and everything that must not get it there. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ITApproval {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String VERSION = "20261130";
  private static final String SECOND = "20261130-2";
  private static final String PROMOTE = "/admin/models/risk-score/promote";

  @TempDir static Path dir;
  private static ApprovalRun run;
  private static JiraStub jira;
  private static RunningService service;
  private static final Map<String, Map<String, String>> AS = new HashMap<>();
  private static String digest;

  @BeforeAll
  static void start() throws Exception {
    run = new ApprovalRun(dir);
    jira = JiraStub.start();
    jira.fail(new FaultyServer.Fault(503, null, "{}"), 1);
    Map<String, String> settings = new HashMap<>(run.environment());
    settings.put("ML_AUDIT_HEAD_MS", "1000");
    settings.put("ML_JIRA_URL", jira.url());
    settings.put("ML_JIRA_PROJECT", JiraStub.PROJECT);
    settings.put("ML_JIRA_EMAIL", JiraStub.EMAIL);
    settings.put("ML_JIRA_TOKEN", JiraStub.TOKEN);
    service = RunningService.start(dir, settings);
    for (String[] person :
        new String[][] {
          {"ana", "data-scientist"},
          {"ben", "data-scientist"},
          {"cora", "compliance"},
          {"dora", "ds-lead"},
          {"solo", "data-scientist,compliance,ds-lead"},
          {"olga", "oncall"},
        }) {
      String token = service.run(Map.of(), 0, "token", "--subject", person[0], "--role", person[1]);
      AS.put(person[0], Map.of("ML_TOKEN", token));
    }
    digest = run.candidate(service, VERSION);
  }

  @AfterAll
  static void stop() {
    if (service != null) {
      service.close();
    }
    if (jira != null) {
      jira.close();
    }
  }

  private static String cli(String who, int exit, String... words) throws Exception {
    return service.run(AS.get(who), exit, words);
  }

  private static JsonNode ticket(String name) throws Exception {
    return JSON.readTree(
        service.management("GET", "/admin/tickets/" + name, null, token("ana")).body());
  }

  private static String token(String who) {
    return AS.get(who).get("ML_TOKEN");
  }

  private static String promote(String who, int exit, String version, String ticket)
      throws Exception {
    return cli(
        who,
        exit,
        "promote",
        "--model",
        "risk-score",
        "--version",
        version,
        "--ticket",
        ticket,
        "--reason",
        "weekly");
  }

  private static JsonNode scored(String version) throws Exception {
    ObjectNode body = (ObjectNode) JSON.readTree(ITFaults.CASE);
    if (version != null) {
      body.put("modelVersion", version);
    }
    return JSON.readTree(service.api("POST", "/ml/score", body.toString()).body());
  }

  private static void assertOldModelServes() throws Exception {
    assertThat(scored(null).path("modelVersion").asText()).isEqualTo("20261123");
    assertThat(scored(VERSION).path("status").asInt()).as("P6: asked by name").isEqualTo(404);
    assertThat(run.models.resolve("risk-score").resolve(VERSION)).doesNotExist();
    try (Stream<Path> all = Files.list(run.models)) {
      assertThat(all.map(p -> p.getFileName().toString())).noneMatch(n -> n.startsWith(".staging"));
    }
  }

  @Test
  @Order(1)
  void promote_withoutApprovals_listsWhatIsMissing_andTheModelGoesOn() throws Exception {
    assertThat(
            cli(
                "ana",
                0,
                "ticket",
                "open",
                "--model",
                "risk-score",
                "--version",
                VERSION,
                "--trigger",
                "schedule",
                "--reason",
                "weekly"))
        .contains("MLAPPROVAL-1", digest, run.head());
    assertThat(promote("dora", 1, VERSION, "MLAPPROVAL-1"))
        .contains("409", "no-evidence", "no-peer-review", "no-signoff");
    assertThat(promote("dora", 1, VERSION, "MLAPPROVAL-99")).contains("409", "no-ticket");
    assertThat(cli("ana", 1, "ticket", "review", "MLAPPROVAL-1", "--comment", "mine"))
        .contains("no evidence");
    assertThat(cli("ana", 0, "ticket", "show", "MLAPPROVAL-1")).contains("missing");
    assertOldModelServes();
  }

  @Test
  @Order(2)
  void approvals_byTheWrongPeople_areRefusedEachWithItsReason() throws Exception {
    String evidence = run.evidence(VERSION, digest, Outcome.pass).toString();
    cli("ana", 0, "ticket", "evidence", "MLAPPROVAL-1", "--file", evidence);
    assertThat(cli("ana", 1, "ticket", "review", "MLAPPROVAL-1", "--comment", "mine"))
        .contains("self-approval");
    assertThat(cli("dora", 1, "ticket", "review", "MLAPPROVAL-1", "--comment", "x"))
        .contains("403");
    assertThat(cli("solo", 0, "ticket", "review", "MLAPPROVAL-1", "--comment", "seen"))
        .contains("peer_review by solo");
    String audit = ticket("MLAPPROVAL-1").path("auditId").asText();
    assertThat(
            cli(
                "solo",
                1,
                "ticket",
                "signoff",
                "MLAPPROVAL-1",
                "--thresholds-unchanged",
                "--audit-id",
                audit,
                "--comment",
                "same"))
        .contains("two-parts");
    assertThat(promote("solo", 1, VERSION, "MLAPPROVAL-1")).contains("promoter");
    assertThat(
            cli(
                "cora",
                1,
                "ticket",
                "signoff",
                "MLAPPROVAL-1",
                "--change-reason",
                "why not",
                "--audit-id",
                audit,
                "--comment",
                "x"))
        .contains("no regulated threshold changes");
    assertThat(
            cli(
                "cora",
                1,
                "ticket",
                "signoff",
                "MLAPPROVAL-1",
                "--thresholds-unchanged",
                "--audit-id",
                "00000000-0000-4000-8000-000000000000",
                "--comment",
                "x"))
        .contains("not in the audit log");
    assertOldModelServes();
  }

  @Test
  @Order(3)
  void promote_withAStaleApproval_isRefused_andARefusalIsAudited() throws Exception {
    String audit = ticket("MLAPPROVAL-1").path("auditId").asText();
    String inconclusive = run.evidence(VERSION, digest, Outcome.inconclusive).toString();
    cli("ana", 0, "ticket", "evidence", "MLAPPROVAL-1", "--file", inconclusive);
    cli(
        "cora",
        0,
        "ticket",
        "signoff",
        "MLAPPROVAL-1",
        "--thresholds-unchanged",
        "--audit-id",
        audit,
        "--comment",
        "same");
    assertThat(promote("dora", 1, VERSION, "MLAPPROVAL-1"))
        .contains("which is not the newest", "gate smoke is inconclusive");
    cli("ben", 0, "ticket", "review", "MLAPPROVAL-1", "--comment", "notebook and report read");
    String log = service.management("GET", "/admin/audit?limit=500", null, token("olga")).body();
    assertThat(log).contains("promote.refused", "ticket.peer_review.refused");
    assertOldModelServes();
  }

  @Test
  @Order(4)
  void promote_whilePinnedOrAltered_isRefused() throws Exception {
    cli(
        "cora",
        0,
        "ticket",
        "waive",
        "MLAPPROVAL-1",
        "--gate",
        "smoke",
        "--reason",
        "no canary rows yet");
    assertThat(cli("ana", 0, "ticket", "show", "MLAPPROVAL-1"))
        .contains("as in the active version 20261123");
    cli("olga", 0, "pin", "--model", "risk-score", "--version", "20261123", "--reason", "audit");
    assertThat(promote("dora", 1, VERSION, "MLAPPROVAL-1")).contains("pinned");
    cli("olga", 0, "unpin", "--model", "risk-score", "--reason", "over");
    assertThat(
            cli("olga", 1, "pin", "--model", "risk-score", "--version", VERSION, "--reason", "x"))
        .contains("never active");

    Path report = run.candidates.resolve("risk-score").resolve(VERSION).resolve("report.md");
    byte[] before = Files.readAllBytes(report);
    before[0] ^= 1;
    Files.write(report, before);
    assertThat(promote("dora", 1, VERSION, "MLAPPROVAL-1"))
        .contains("gate integrity is fail", "report.md has SHA-256");
    before[0] ^= 1;
    Files.write(report, before);
    assertOldModelServes();
  }

  @Test
  @Order(5)
  void promote_twiceAtOnce_oneWins_andEveryReplicaServesIt() throws Exception {
    String body =
        "{\"version\":\"" + VERSION + "\",\"ticket\":\"MLAPPROVAL-1\",\"reason\":\"weekly\"}";
    List<CompletableFuture<HttpResponse<String>>> calls =
        Stream.generate(
                () ->
                    CompletableFuture.supplyAsync(
                        () -> {
                          try {
                            return service.management("POST", PROMOTE, body, token("dora"));
                          } catch (Exception e) {
                            throw new AssertionError(e);
                          }
                        }))
            .limit(2)
            .toList();
    List<HttpResponse<String>> answers = calls.stream().map(CompletableFuture::join).toList();
    assertThat(answers.stream().map(HttpResponse::statusCode).sorted().toList())
        .as(answers.stream().map(HttpResponse::body).toList().toString())
        .containsExactly(200, 409);
    for (HttpResponse<String> answer : answers) {
      JsonNode json = JSON.readTree(answer.body());
      if (answer.statusCode() == 200) {
        assertThat(json.path("from").asText()).isEqualTo("20261123");
        assertThat(json.path("to").asText()).isEqualTo(VERSION);
        assertThat(json.path("replicas")).hasSize(1);
        assertThat(json.path("auditId").asText()).isNotEmpty();
      }
    }
    assertThat(scored(null).path("modelVersion").asText()).isEqualTo(VERSION);
    assertThat(ArtifactStore.withoutSignatures(run.models).load("risk-score", VERSION).digest())
        .isEqualTo(digest);
    assertThat(cli("dora", 0, "history", "--model", "risk-score")).contains("promote");
  }

  @Test
  @Order(6)
  void promote_byTheCommand_tags_andClosingLinksTheCommit() throws Exception {
    String next = run.candidate(service, SECOND);
    cli(
        "ana",
        0,
        "ticket",
        "open",
        "--model",
        "risk-score",
        "--version",
        SECOND,
        "--trigger",
        "drift",
        "--reason",
        "drift for 3 hours");
    String evidence = run.evidence(SECOND, next, Outcome.pass).toString();
    cli("ana", 0, "ticket", "evidence", "MLAPPROVAL-2", "--file", evidence);
    cli("ben", 0, "ticket", "review", "MLAPPROVAL-2", "--comment", "read");
    String audit = ticket("MLAPPROVAL-2").path("auditId").asText();
    cli(
        "cora",
        0,
        "ticket",
        "signoff",
        "MLAPPROVAL-2",
        "--thresholds-unchanged",
        "--audit-id",
        audit,
        "--comment",
        "same");
    cli("ana", 0, "ticket", "show", "MLAPPROVAL-2");
    assertThat(promote("dora", 0, SECOND, "MLAPPROVAL-2"))
        .contains(VERSION + " -> " + SECOND, "tagged risk-score_" + SECOND);
    assertThat(run.tags()).isEqualTo("risk-score_" + SECOND);
    assertThat(
            cli(
                "dora",
                0,
                "ticket",
                "close",
                "MLAPPROVAL-2",
                "--commit",
                run.head(),
                "--reason",
                "done"))
        .contains("promoted", run.head());
    assertThat(cli("ana", 0, "ticket", "list")).contains("MLAPPROVAL-2", "MLAPPROVAL-1");
    assertThat(service.management("GET", "/admin/audit/verify", null, token("olga")).body())
        .contains("\"intact\":true");
  }

  @Test
  @Order(7)
  void steps_ofBothTickets_areInJira() throws Exception {
    RunningService.await(
        Duration.ofSeconds(30),
        () -> jira.issues().values().stream().anyMatch(i -> i.status.equals("Done")));
    assertThat(jira.issues()).hasSize(2);
    JiraStub.Issue closed = jira.issues().get("MLAPPROVAL-2");
    assertThat(closed.fields.path("summary").asText()).contains(SECOND);
    assertThat(String.join("", closed.comments))
        .containsSubsequence(
            "ticket.evidence by ana",
            "ticket.peer_review by ben",
            "ticket.risk_signoff by cora",
            "promote by dora",
            "ticket.close by dora");
    assertThat(cli("ana", 0, "ticket", "show", "MLAPPROVAL-2")).contains("MLAPPROVAL-2");
    assertThat(service.logText()).doesNotContain(JiraStub.TOKEN);
  }

  @Test
  @Order(8)
  void evidence_ofAPromotedVersion_hasItsTicketAndIsCheckedOffline() throws Exception {
    String out = dir.resolve("evidence").toString();
    cli("olga", 0, "evidence", "--model", "risk-score", "--version", VERSION, "--out", out);
    assertThat(cli("olga", 0, "evidence", "--check", out)).contains("holds", "the tickets");
    JsonNode told = JSON.readTree(Path.of(out, "evidence.json").toFile());
    assertThat(told.at("/served/0/ticket").asText()).isEqualTo("MLAPPROVAL-1");
    assertThat(told.at("/tickets/0/evidence/1/gates")).hasSize(4);
    JsonNode approvals = told.at("/tickets/0/approvals");
    assertThat(approvals.findValuesAsText("actor")).containsExactly("solo", "cora", "ben", "cora");
    assertThat(approvals.findValuesAsText("counted"))
        .as("one is of older evidence")
        .containsExactly("false", "true", "true", "true");
    assertThat(Files.readString(Path.of(out, "index.html")))
        .contains("How it was approved", "no canary rows yet", "waiver of smoke");
  }
}
