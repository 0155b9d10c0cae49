package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.TrialAnswers.Answer;
import io.apgms.ml.gateway.http.DevIssuer;
import io.apgms.ml.gateway.http.Roles;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.GateResult.Outcome;
import io.apgms.ml.scoring.ApartModel;
import io.vertx.core.Vertx;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** Second versions on trial on two real replicas over one PostgreSQL, in mode act. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ITCanary {
  private static final String ACTIVE = "20261123";
  private static final String BEFORE = "20261116";
  private static final String BAD = "20261130"; // its scores turned round
  private static final String TRIAL = "/admin/models/risk-score/trial";
  private static final boolean SOAK = Boolean.getBoolean("soak");
  private static final int ENTITIES = 2_000;
  private static final int SHARE = 200; // thousandths
  private static final Duration SOON = Duration.ofSeconds(15);
  private static final ObjectMapper JSON = new ObjectMapper();

  /** It decides nothing for a day. */
  private static final String OPEN_END =
      ",\"leastPairs\":1000000,\"maxDisagreement\":1,\"maxMeanDifference\":1";

  @TempDir static Path dir;
  private static EmbeddedPostgres postgres;
  private static ApprovalRun run;
  private static RunningService one;
  private static RunningService two;
  private static final Map<String, String> TOKENS = new HashMap<>();
  private static String flags;
  private static String digest;

  @BeforeAll
  static void start() throws Exception {
    postgres = EmbeddedPostgres.builder().setDataDirectory(dir.resolve("cluster")).start();
    run = new ApprovalRun(dir);
    flags = TrialAnswers.flags(SHARE);
    Map<String, String> settings = new HashMap<>(run.environment());
    settings.put("ML_FLAGS_FILE", Files.writeString(dir.resolve("flags.json"), flags).toString());
    settings.put("ML_ACTION_CAP", "100000");
    settings.put(
        "ML_DATABASE_URL",
        "postgresql://postgres:postgres@127.0.0.1:" + postgres.getPort() + "/postgres");
    one = RunningService.start(dir.resolve("one"), settings);
    InvertedVersion.write(run.candidates, BAD);
    digest = signed();
    Path keys = Files.createDirectories(dir.resolve("two/data/keys"));
    try (Stream<Path> files = Files.list(dir.resolve("one/data/keys"))) {
      for (Path key : files.filter(f -> f.toString().contains("development")).toList()) {
        Files.copy(key, keys.resolve(key.getFileName()));
      }
    }
    two = RunningService.start(dir.resolve("two"), settings);
    Vertx vertx = Vertx.vertx();
    DevIssuer issuer = DevIssuer.open(vertx, dir.resolve("one/data"));
    for (String person : List.of("ana", "ben", "cora")) {
      TOKENS.put(
          person, issuer.mint(person, null, List.of(Roles.DATA_SCIENTIST, Roles.COMPLIANCE)));
    }
    TOKENS.put("dora", issuer.mint("dora", null, List.of(Roles.DS_LEAD)));
    TOKENS.put("olga", issuer.mint("olga", null, List.of(Roles.ONCALL)));
    PlantedService.await(vertx.close());
  }

  private static String signed() throws Exception {
    one.run(Map.of(), 0, "sign", "--model", "risk-score", "--version", BAD);
    return ArtifactStore.withoutSignatures(run.candidates).load("risk-score", BAD).digest();
  }

  @AfterAll
  static void stop() throws Exception {
    for (RunningService service : new RunningService[] {one, two}) {
      if (service != null) {
        service.close();
      }
    }
    if (postgres != null) {
      postgres.close();
    }
  }

  // ---- calls ------------------------------------------------------------------------------------

  private static JsonNode admin(String person, int status, String method, String path, String body)
      throws Exception {
    HttpResponse<String> answer = one.management(method, path, body, TOKENS.get(person));
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
    return JSON.readTree(answer.body());
  }

  private static JsonNode begin(String kind, String version, String more) throws Exception {
    JsonNode trial =
        admin(
            "dora",
            200,
            "PUT",
            TRIAL,
            "{\"version\":\"%s\",\"kind\":\"%s\",\"reason\":\"try it\"%s}"
                .formatted(version, kind, more));
    RunningService.await(SOON, () -> live(one) && live(two));
    return trial;
  }

  /** By its log: the tokens here are of the first replica's issuer. */
  private static boolean live(RunningService replica) {
    try {
      String begun = "risk-score " + newest().path("kind").asText() + " of ";
      String log = replica.logText();
      return log.lastIndexOf(begun) >= 0
          && log.substring(log.lastIndexOf(begun))
              .lines()
              .findFirst()
              .orElse("")
              .endsWith("begins here");
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static JsonNode newest() throws Exception {
    return admin("olga", 200, "GET", TRIAL, null).path("trials").path(0);
  }

  private static String state() {
    try {
      return newest().path("state").asText();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /** A case of its own for each number. */
  private static ObjectNode body(int i, String entity) throws Exception {
    ObjectNode body = (ObjectNode) JSON.readTree(i % 2 == 0 ? ITFaults.CASE : ITFaults.CALM);
    ObjectNode inputs = (ObjectNode) body.path("inputs");
    inputs.put("account_age_months", 1 + i % 300).put("tax_debt_ratio", i % 97 / 100.0);
    if (entity != null) {
      body.put("entityId", entity);
    }
    return body;
  }

  private static Answer decide(RunningService replica, int i, String entity) {
    try {
      HttpResponse<String> answer = replica.api("POST", "/ml/score", body(i, entity).toString());
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
      JsonNode json = JSON.readTree(answer.body());
      return new Answer(
          entity,
          json.path("modelVersion").asText(),
          json.at("/decision/enforced").asBoolean(),
          json.path("predictionId").asText(),
          Instant.now());
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static List<Answer> decideAll(int from, int to) {
    List<CompletableFuture<List<Answer>>> both = new ArrayList<>();
    for (RunningService replica : List.of(one, two)) {
      both.add(
          CompletableFuture.supplyAsync(
              () -> {
                List<Answer> answers = new ArrayList<>();
                for (int i = from; i < to; i++) {
                  answers.add(decide(replica, i, "company-" + i));
                }
                return answers;
              }));
    }
    List<Answer> all = new ArrayList<>();
    both.forEach(answers -> all.addAll(answers.join()));
    return all;
  }

  private static long count(String from) {
    try (Connection connection = postgres.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("SELECT count(*) FROM " + from)) {
      row.next();
      return row.getLong(1);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static List<String> actions() throws Exception {
    List<String> actions = new ArrayList<>();
    for (JsonNode entry :
        admin("olga", 200, "GET", "/admin/audit?limit=500", null).path("entries")) {
      if (entry.path("action").asText().startsWith("trial.")) {
        actions.add(entry.path("action").asText() + " by " + entry.path("actor").asText());
      }
    }
    return actions;
  }

  // ---- shadow -----------------------------------------------------------------------------------

  @Test
  @Order(1)
  void shadow_ofAnUnapprovedVersion_scoresBehindTheAnswersAndNeverActs() throws Exception {
    String id = begin("shadow", BAD, OPEN_END).path("id").asText();
    List<Answer> answers = decideAll(0, 150);
    assertThat(TrialAnswers.violations(answers, entity -> ACTIVE)).isEmpty();
    assertThat(answers).anyMatch(Answer::enforced);
    String pairs = "feedback.trial_pair p JOIN feedback.decision d ON d.id = p.prediction_id";
    RunningService.await(SOON, () -> count(pairs) == answers.size());
    assertThat(newest().at("/seen/pairs").asInt()).isEqualTo(answers.size());

    for (RunningService replica : List.of(one, two)) {
      HttpResponse<String> named =
          replica.api("POST", "/ml/score", body(0, null).put("modelVersion", BAD).toString());
      assertThat(named.statusCode()).as("P6: asked for by name").isEqualTo(404);
    }
    assertThat(count("feedback.decision WHERE model_version = '" + BAD + "'")).isZero();
    assertThat(count("feedback.action_outbox"))
        .isEqualTo(answers.stream().filter(Answer::enforced).count());
    assertThat(count("feedback.trial_pair WHERE trial <> '" + id + "'")).isZero();
    assertThat(offlineDifferences(pairs)).isZero();
    admin("olga", 200, "DELETE", TRIAL, "{\"reason\":\"seen enough\"}");
    assertThat(actions()).containsExactly("trial.start by dora", "trial.stopped by olga");
  }

  /** How many stored pairs differ from what both versions give the logged features here. */
  private static int offlineDifferences(String pairs) throws Exception {
    int wrong = 0;
    try (ApartModel bad =
            ApartModel.load(
                ArtifactStore.withoutSignatures(run.candidates).load("risk-score", BAD));
        Connection connection = postgres.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery(
                "SELECT d.features, d.score, p.base_score, p.second_score, p.second_review,"
                    + " d.review, p.base_review FROM "
                    + pairs)) {
      while (row.next()) {
        Float[] boxed = (Float[]) row.getArray(1).getArray();
        float[] features = new float[boxed.length];
        for (int i = 0; i < features.length; i++) {
          features[i] = boxed[i];
        }
        double expected = bad.score(List.of(features))[0];
        boolean same =
            Math.abs(row.getDouble(4) - expected) <= 2e-6
                && Math.abs(row.getDouble(4) - (1 - row.getDouble(2))) <= 2e-6
                && row.getDouble(2) == row.getDouble(3)
                && row.getBoolean(5) == expected >= bad.model().threshold()
                && row.getBoolean(6) == row.getBoolean(7);
        wrong += same ? 0 : 1;
      }
    }
    return wrong;
  }

  @Test
  @Order(2)
  void shadow_thatDisagrees_failsByItself() throws Exception {
    begin("shadow", BAD, "");
    assertThat(one.metric("apgms_ml_trial_state", BAD, "running")).isEqualTo(1);
    List<Answer> answers = decideAll(200, 260);
    RunningService.await(SOON, () -> state().equals("failed"));
    assertThat(newest().at("/end/actor").asText()).isEqualTo("system");
    assertThat(newest().at("/end/reason").asText()).contains("pairs, expected 500");
    assertThat(TrialAnswers.violations(answers, entity -> ACTIVE)).isEmpty();
    RunningService.await(SOON, () -> two.logText().contains("ends here: failed"));
    assertThat(one.metric("apgms_ml_trial_state", BAD, "failed")).isEqualTo(1);
    assertThat(one.metric("apgms_ml_trial_state")).as("one state").isEqualTo(1);
    assertThat(actions()).endsWith("trial.start by dora", "trial.failed by system");
  }

  /** By turns with and without, so that what else the machine does falls on both. */
  @Test
  @Order(3)
  void shadow_ofEveryDecision_slowsNoAnswer() throws Exception {
    List<Long> without = new ArrayList<>();
    List<Long> beside = new ArrayList<>();
    for (int round = 0; round < (SOAK ? 10 : 2); round++) {
      without.addAll(micros());
      begin("shadow", BEFORE, OPEN_END);
      beside.addAll(micros());
      admin("olga", 200, "DELETE", TRIAL, "{\"reason\":\"round over\"}");
    }
    System.out.printf(
        "an answer beside a shadow, by one without: p50 %d/%d us, p99 %d/%d us, of %d each%n",
        percentile(beside, 50),
        percentile(without, 50),
        percentile(beside, 99),
        percentile(without, 99),
        beside.size());
    assertThat(percentile(beside, 50)).isLessThan(2 * percentile(without, 50) + 1_000);
  }

  /** Of decisions one after another. */
  private static List<Long> micros() {
    List<Long> micros = new ArrayList<>();
    for (int i = 0; i < 600; i++) {
      long began = System.nanoTime();
      decide(one, 2 * i + 1, "company-" + i); // held by nobody: no commit is measured
      micros.add((System.nanoTime() - began) / 1_000);
    }
    return micros;
  }

  private static long percentile(List<Long> values, int percent) {
    return values.stream().sorted().toList().get(values.size() * percent / 100);
  }

  // ---- canary -----------------------------------------------------------------------------------

  @Test
  @Order(4)
  void canary_ofAVersionThatNobodyApproved_isRefused() throws Exception {
    JsonNode never =
        admin(
            "dora",
            409,
            "PUT",
            TRIAL,
            "{\"version\":\"" + BAD + "\",\"kind\":\"canary\",\"reason\":\"x\"}");
    assertThat(never.toString()).contains("no-ticket", "was never active");
    admin("ana", 201, "POST", "/admin/tickets", opening());
    JsonNode unapproved = admin("dora", 409, "PUT", TRIAL, byTicket());
    assertThat(unapproved.toString()).contains("no-evidence", "no-peer-review", "no-signoff");
    assertThat(run.models.resolve("risk-score").resolve(BAD)).doesNotExist();
    assertThat(decide(one, 1, "company-1").version()).isEqualTo(ACTIVE);
  }

  private static String opening() {
    return "{\"modelId\":\"risk-score\",\"version\":\""
        + BAD
        + "\",\"trigger\":\"manual\",\"reason\":\"weekly\"}";
  }

  private static String byTicket() {
    return "{\"version\":\""
        + BAD
        + "\",\"kind\":\"canary\",\"ticket\":\"MLAPPROVAL-1\",\"reason\":\"weekly\"}";
  }

  @Test
  @Order(5)
  void canary_itsShareSticksToTheEntity_andIsTheFlagsOwn() throws Exception {
    begin("canary", BEFORE, OPEN_END);
    UnaryOperator<String> bySdk = TrialAnswers.byTheSdk(flags, ACTIVE, BEFORE);
    List<Answer> answers = decideAll(0, ENTITIES); // each entity on both replicas
    assertThat(TrialAnswers.violations(answers, bySdk)).isEmpty();
    Set<String> canaries = new TreeSet<>();
    answers.stream().filter(a -> a.version().equals(BEFORE)).forEach(a -> canaries.add(a.entity()));
    System.out.printf(
        "a canary of %d of 1,000: %d of %d entities%n", SHARE, canaries.size(), ENTITIES);
    assertThat((double) canaries.size()).isCloseTo(ENTITIES * SHARE / 1e3, within(80.0));
    assertThat(answers).anyMatch(a -> a.enforced() && a.version().equals(BEFORE));

    for (int i = 0; i < 20; i++) {
      assertThat(decide(one, i, null).version()).as("nothing to stick to").isEqualTo(ACTIVE);
    }
    JsonNode named =
        JSON.readTree(
            one.api(
                    "POST",
                    "/ml/score",
                    body(0, "company-0").put("modelVersion", BEFORE).toString())
                .body());
    assertThat(named.path("modelVersion").asText()).isEqualTo(BEFORE);
    assertThat(named.at("/decision/mode").asText())
        .as("it is not the active one")
        .isEqualTo("observe");
    long compared = answers.stream().filter(a -> a.version().equals(BEFORE)).count();
    RunningService.await(SOON, () -> seen() == compared);
    assertStored(canaries);
    assertControls(answers, bySdk);
    assertThat(one.run(Map.of("ML_TOKEN", TOKENS.get("olga")), 0, words()))
        .contains("canary", BEFORE, "stopped");
    RunningService.await(SOON, () -> ended(one) && ended(two));
    List<Answer> after = decideAll(0, 60);
    assertThat(TrialAnswers.violations(after, entity -> ACTIVE)).isEmpty();
  }

  private static String[] words() {
    return new String[] {"trial", "stop", "--model", "risk-score", "--reason", "enough"};
  }

  private static boolean ended(RunningService replica) {
    return replica.logText().contains("canary of " + BEFORE + " ends here: stopped");
  }

  private static long seen() {
    try {
      return newest().at("/seen/pairs").asLong();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /** The canary's decisions, and no others, have the active version's score beside them. */
  private static void assertStored(Set<String> canaries) throws Exception {
    String pairs =
        "feedback.trial_pair p JOIN feedback.decision d ON d.id = p.prediction_id WHERE p.trial = '"
            + newest().path("id").asText()
            + "'";
    RunningService.await(SOON, () -> count(pairs) == 2L * canaries.size());
    assertThat(
            count(pairs + " AND (d.model_version <> '" + BEFORE + "' OR d.score <> second_score)"))
        .isZero();
    assertThat(count(pairs + " AND base_score <> second_score")).isPositive();
  }

  /** A choice at random, one by the request instead of the entity, and a shadow that answers. */
  private static void assertControls(List<Answer> answers, UnaryOperator<String> bySdk) {
    List<Answer> byRequest = new ArrayList<>();
    List<Answer> answering = new ArrayList<>();
    for (Answer a : answers) {
      String drawn = bySdk.apply(a.id());
      byRequest.add(new Answer(a.entity(), drawn, a.enforced(), a.id(), a.at()));
      answering.add(new Answer(a.entity(), BAD, a.enforced(), a.id(), a.at()));
    }
    assertThat(TrialAnswers.violations(byRequest, bySdk)).hasSizeGreaterThan(100);
    assertThat(TrialAnswers.violations(byRequest, bySdk)).anyMatch(v -> v.contains("as before"));
    assertThat(TrialAnswers.violations(answering, entity -> ACTIVE)).hasSize(answers.size());
  }

  @Test
  @Order(6)
  void canary_approvedButWrong_failsAndEveryRequestReturns() throws Exception {
    approve();
    begin("canary", BAD, ",\"ticket\":\"MLAPPROVAL-1\"");
    AtomicBoolean stop = new AtomicBoolean();
    ConcurrentLinkedQueue<Answer> answers = new ConcurrentLinkedQueue<>();
    List<CompletableFuture<Void>> load = new ArrayList<>();
    for (RunningService replica : List.of(one, two)) {
      load.add(
          CompletableFuture.runAsync(
              () -> {
                for (int i = 0; !stop.get(); i++) {
                  answers.add(decide(replica, i, "company-" + i % ENTITIES));
                }
              }));
    }
    RunningService.await(SOON, () -> state().equals("failed"));
    int atTheEnd = answers.size();
    RunningService.await(SOON, () -> answers.size() > atTheEnd + 400);
    stop.set(true);
    load.forEach(CompletableFuture::join); // none of them failed

    Instant verdict = Instant.parse(newest().at("/end/at").asText());
    Instant last =
        answers.stream()
            .filter(a -> a.version().equals(BAD))
            .map(Answer::at)
            .max(Instant::compareTo)
            .orElseThrow();
    System.out.printf(
        "a canary that is wrong: %d of its answers, the last %d ms after the verdict; %d requests%n",
        answers.stream().filter(a -> a.version().equals(BAD)).count(),
        Duration.between(verdict, last).toMillis(),
        answers.size());
    assertThat(Duration.between(verdict, last)).isLessThan(Duration.ofSeconds(1));
    assertThat(newest().at("/end/reason").asText()).contains("another recommendation");
    assertThat(actions()).endsWith("trial.start by dora", "trial.failed by system");
  }

  private static void approve() throws Exception {
    Path evidence = run.evidence(BAD, digest, Outcome.pass);
    String ticket = "/admin/tickets/MLAPPROVAL-1";
    admin("ana", 200, "POST", ticket + "/evidence", Files.readString(evidence));
    JsonNode shown = admin("ben", 200, "GET", ticket, null);
    ObjectNode review = JSON.createObjectNode();
    review.put("manifestDigest", digest).put("comment", "read");
    review.put("evidenceDigest", shown.at("/evidence/0/digest").asText());
    admin("ben", 200, "POST", ticket + "/review", review.toString());
    ObjectNode signoff = review.deepCopy().put("thresholdsUnchanged", true);
    signoff.put("auditId", shown.path("auditId").asText());
    admin("cora", 200, "POST", ticket + "/signoff", signoff.toString());
  }

  @Test
  @Order(7)
  void canary_tooFewRequests_isInconclusive() throws Exception {
    admin(
        "dora",
        200,
        "PUT",
        TRIAL,
        "{\"version\":\"" + BEFORE + "\",\"kind\":\"canary\",\"reason\":\"x\",\"limitMs\":1000}");
    RunningService.await(SOON, () -> state().equals("inconclusive"));
    assertThat(newest().at("/end/reason").asText()).contains("0 pairs, expected 500");
    assertThat(actions()).endsWith("trial.start by dora", "trial.inconclusive by system");
  }

  @Test
  @Order(8)
  void rollback_duringACanary_endsItAndGoesBack() throws Exception {
    begin("canary", BEFORE, OPEN_END);
    admin("olga", 200, "POST", "/admin/models/risk-score/rollback", "{\"reason\":\"bad\"}");
    List<Answer> after = decideAll(0, 40);
    assertThat(TrialAnswers.violations(after, entity -> BEFORE)).isEmpty();
    assertThat(state()).isEqualTo("stopped");
    assertThat(actions()).endsWith("trial.start by dora", "trial.stopped by olga");
    assertThat(admin("dora", 409, "PUT", TRIAL, byTicket()).toString()).contains("no-signoff");
    String left = "{\"version\":\"" + ACTIVE + "\",\"kind\":\"%s\",\"reason\":\"x\"}";
    assertThat(admin("dora", 409, "PUT", TRIAL, left.formatted("canary")).toString())
        .contains("rolled-back", "left as bad");

    admin("dora", 200, "PUT", TRIAL, left.formatted("shadow"));
    JsonNode nowhere =
        admin("olga", 409, "POST", "/admin/models/risk-score/rollback", "{\"reason\":\"bad\"}");
    assertThat(nowhere.toString()).contains("no earlier version", "the shadow of", "is ended");
    assertThat(state()).as("a rollback that is refused ends it too").isEqualTo("stopped");
  }
}
