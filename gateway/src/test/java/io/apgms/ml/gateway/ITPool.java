package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.SteadyRate.Answer;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.GoldenRow;
import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.registry.Manifest.FeatureType;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.scoring.ApartModel;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** Two edges and two scoring processes: scores, rollbacks, lost processes, too much at once. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ITPool {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final boolean SOAK = Boolean.getBoolean("soak");
  private static final int ROWS = SOAK ? 2_000 : 200;
  private static final int SWAPS = SOAK ? 40 : 4;
  private static final int LOSSES = SOAK ? 10 : 1;
  private static final double PER_SECOND = 100;
  private static final long DEADLINE_MS = 2_000; // of a request that names none

  @TempDir static Path dir;
  private static PoolRun pool;

  @BeforeAll
  static void start() throws Exception {
    pool = new PoolRun(dir, 2, 2, Map.of());
  }

  @AfterAll
  static void stop() throws Exception {
    if (pool != null) {
      pool.close();
    }
  }

  private static SteadyRate load(int edge) throws InterruptedException {
    SteadyRate load = new SteadyRate(pool.edge(edge).apiPort(), ITFaults.CASE, PER_SECOND);
    load.await(50);
    return load;
  }

  /** Nothing took longer than its deadline, and what failed was refused in words. */
  private static List<Answer> inTime(List<Answer> answers) {
    assertThat(answers)
        .allMatch(
            a -> a.doneNanos() - a.sentNanos() < TimeUnit.MILLISECONDS.toNanos(DEADLINE_MS + 150));
    return answers.stream().filter(a -> !a.ok()).toList();
  }

  @Test
  @Order(1)
  void scores_ofAnyRows_areThoseOfOneProcess() throws Exception {
    VerifiedArtifact artifact =
        ArtifactStore.withoutSignatures(pool.models()).load("risk-score", "20261123");
    SplittableRandom random = new SplittableRandom(5);
    List<float[]> rows = new ArrayList<>();
    ArrayNode data = JSON.createArrayNode();
    GoldenRow golden = artifact.golden().get(0);
    for (int i = 0; i < ROWS; i++) {
      float[] row = golden.toTensor(artifact.manifest().features());
      for (int j = 0; j < row.length; j++) {
        Feature feature = artifact.manifest().features().get(j);
        double value = feature.min() + (feature.max() - feature.min()) * random.nextDouble();
        row[j] = (float) (feature.type() == FeatureType.integer ? Math.rint(value) : value);
        data.add(row[j]);
      }
      rows.add(row);
    }
    String body = infer(ROWS, data);
    for (int edge = 0; edge < 2; edge++) {
      HttpResponse<String> answer =
          pool.edge(edge).api("POST", "/v2/models/risk-score/infer", body);
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
      JsonNode scores = RunningService.json(answer).at("/outputs/0/data");
      assertThat(scores).hasSize(ROWS);
      try (ApartModel apart = ApartModel.load(artifact)) {
        for (int i = 0; i < ROWS; i += ApartModel.MAX_ROWS) {
          List<float[]> slice = rows.subList(i, Math.min(ROWS, i + ApartModel.MAX_ROWS));
          double[] expected = apart.score(slice);
          for (int j = 0; j < expected.length; j++) {
            assertThat(scores.get(i + j).asDouble()).isCloseTo(expected[j], within(2e-6));
          }
        }
      }
    }
  }

  private static String infer(int rows, ArrayNode data) {
    ObjectNode body = JSON.createObjectNode();
    ObjectNode input =
        body.putArray("inputs").addObject().put("name", "input").put("datatype", "FP32");
    input.putArray("shape").add(rows).add(data.size() / rows);
    input.set("data", data);
    return body.toString();
  }

  /** Each larger than all windows together. */
  @Test
  @Order(2)
  void batches_besideSingleRows_refuseNeither() throws Exception {
    VerifiedArtifact artifact =
        ArtifactStore.withoutSignatures(pool.models()).load("risk-score", "20261123");
    float[] row = artifact.golden().get(0).toTensor(artifact.manifest().features());
    ArrayNode data = JSON.createArrayNode();
    for (int i = 0; i < 2_000; i++) {
      for (float value : row) {
        data.add(value);
      }
    }
    String body = infer(2_000, data);
    try (SteadyRate load = load(0)) {
      for (int i = 0; i < 20; i++) {
        HttpResponse<String> answer = pool.edge(0).api("POST", "/v2/models/risk-score/infer", body);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
      }
      assertThat(inTime(load.answers())).isEmpty();
    }
  }

  @Test
  @Order(2)
  void explanation_askedOfAnEdge_comesFromAScoringProcess() throws Exception {
    String body = ITFaults.CASE.replaceFirst("\\{", "{\"explain\":true,");
    HttpResponse<String> answer = pool.edge(1).api("POST", "/ml/score", body);
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    assertThat(answer.body()).contains("contributions");
    assertThat(mapped(pool.edge(1))).as("an edge").doesNotContain("libtorch");
    assertThat(mapped(pool.scorer(0))).as("one that scores").contains("libtorch");
  }

  /** The figures per process that docs/SCALE.md multiplies. */
  @Test
  @Order(2)
  void process_atRest_takesFewConnectionsAndSeries() throws Exception {
    String transactions = "SELECT sum(xact_commit) FROM pg_stat_database";
    long before = pool.ask(transactions);
    long from = System.nanoTime();
    RunningService.await(
        Duration.ofSeconds(5), () -> System.nanoTime() - from > TimeUnit.SECONDS.toNanos(3));
    double perSecond = (pool.ask(transactions) - before) * 1e9 / (System.nanoTime() - from);
    long connections = pool.ask("SELECT count(*) FROM pg_stat_activity WHERE datname IS NOT NULL");
    long edge = series(pool.edge(0));
    long scoring = series(pool.scorer(0));
    System.out.printf(
        "POOL at rest, %d processes: %d connections, %.0f transactions a second;"
            + " series: %d of an edge, %d of one that scores%n",
        pool.size(), connections, perSecond, edge, scoring);
    assertThat(connections).isLessThanOrEqualTo(11L * pool.size());
    assertThat(edge).isLessThan(2_000);
    assertThat(scoring).isLessThan(2_000);
  }

  private static long series(RunningService of) throws Exception {
    return of.management("GET", "/metrics", null, null)
        .body()
        .lines()
        .filter(l -> !l.startsWith("#"))
        .count();
  }

  /** The files in a process' memory. */
  private static String mapped(RunningService of) throws IOException {
    return Files.readString(Path.of("/proc/" + of.handle().pid() + "/maps"));
  }

  @Test
  @Order(3)
  void rollbacks_underLoad_failNoRequestAndNameOneVersionEach() throws Exception {
    List<Answer> answers;
    try (SteadyRate load = load(1)) {
      List<Long> tookMs = new ArrayList<>();
      for (int i = 0; i < SWAPS; i++) {
        HttpResponse<String> done = pool.rollback(1 + i % 2);
        assertThat(done.statusCode()).as(done.body()).isEqualTo(200);
        JsonNode json = RunningService.json(done);
        assertThat(json.path("replicas")).as(done.body()).hasSize(pool.size());
        tookMs.add(json.path("tookMs").asLong());
        String now = json.path("to").asText();
        for (int edge = 0; edge < 2; edge++) {
          JsonNode scored =
              RunningService.json(pool.edge(edge).api("POST", "/ml/score", ITFaults.CASE));
          assertThat(scored.path("modelVersion").asText()).isEqualTo(now);
        }
        load.await(30);
      }
      answers = load.answers();
      System.out.printf("POOL rollbacks of 4 processes took %s ms%n", tookMs);
    }
    assertThat(answers).allMatch(Answer::ok);
    assertThat(answers.stream().map(Answer::version).distinct()).hasSize(2);
    Swaps.assertOneScoreAVersion(answers);
  }

  @Test
  @Order(4)
  void scoringProcess_killedUnderLoad_costsAtMostWhatWasUnderWay() throws Exception {
    for (int i = 0; i < LOSSES; i++) {
      List<Answer> failed;
      int ended;
      long killed;
      try (SteadyRate load = load(0)) {
        killed = System.nanoTime();
        pool.scorer(0).kill();
        load.await(300);
        failed = inTime(load.answers());
        ended = load.ended();
      }
      System.out.printf(
          "POOL kill -9: %d answers, %d failed, %.0f rows sent a second time%n",
          ended, failed.size(), PoolRun.metric(pool.edge(0), "apgms_ml_pool_rows_retried_total"));
      assertThat(failed).as(failed.toString()).hasSizeLessThanOrEqualTo(PoolRun.WINDOW);
      long settled = killed + TimeUnit.SECONDS.toNanos(2);
      assertThat(failed).allMatch(a -> a.sentNanos() < settled);
      assertThat(failed).allMatch(a -> a.failure().contains("503"));
      pool.scorer(0).launch();
      pool.awaitMembers(2);
    }
  }

  @Test
  @Order(5)
  void scoringProcess_stoppedUnderLoad_isLeftOutAndComesBack() throws Exception {
    for (int i = 0; i < LOSSES; i++) {
      List<Answer> failed;
      double retried = PoolRun.metric(pool.edge(0), "apgms_ml_pool_rows_retried_total");
      try (SteadyRate load = load(0)) {
        pool.scorer(1).signal("STOP");
        long stopped = System.nanoTime();
        try {
          load.await(300);
          pool.awaitMembers(1);
        } finally {
          pool.scorer(1).signal("CONT");
        }
        long settled = stopped + TimeUnit.SECONDS.toNanos(2);
        pool.awaitMembers(2);
        load.await(50);
        failed = inTime(load.answers());
        assertThat(failed).as(failed.toString()).hasSizeLessThanOrEqualTo(PoolRun.WINDOW);
        assertThat(failed).allMatch(a -> a.sentNanos() < settled);
      }
      double again = PoolRun.metric(pool.edge(0), "apgms_ml_pool_rows_retried_total") - retried;
      System.out.printf("POOL SIGSTOP: %d failed, %.0f rows again%n", failed.size(), again);
      assertThat(again).as("rows sent a second time").isPositive();
    }
  }

  /** Asleep for longer than membership lasts: out of the cluster, and back in it by a merge. */
  @Test
  @Order(6)
  void scoringProcess_droppedFromTheClusterAsItSleeps_isUsedAgainWhenItWakes() throws Exception {
    RunningService edge = pool.edge(0);
    RunningService sleeper = pool.scorer(1);
    int left = told(edge, "left the cluster");
    int joined = told(edge, "joined the cluster");
    long from = System.nanoTime();
    sleeper.signal("STOP");
    try {
      RunningService.await(Duration.ofSeconds(30), () -> told(edge, "left the cluster") > left);
    } finally {
      sleeper.signal("CONT");
    }
    long woken = System.nanoTime();
    RunningService.await(Duration.ofSeconds(20), () -> told(edge, "joined the cluster") > joined);
    pool.awaitMembers(2);
    double before = PoolRun.metric(sleeper, "apgms_ml_inference_batch_size_count");
    RunningService.await(
        Duration.ofSeconds(10),
        () -> {
          assertThat(askOnce(edge).statusCode()).isEqualTo(200);
          return PoolRun.metric(sleeper, "apgms_ml_inference_batch_size_count") > before;
        });
    System.out.printf(
        "POOL dropped from the cluster after %d ms, scores again %d ms after it woke%n",
        TimeUnit.NANOSECONDS.toMillis(woken - from),
        TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - woken));
  }

  /** How often a line of its log has that text. */
  private static int told(RunningService by, String text) {
    return (int) by.logText().lines().filter(l -> l.contains(text)).count();
  }

  /** Both asleep: nothing takes rows off an edge, so it takes on what the windows hold. */
  @Test
  @Order(7)
  void tooMuch_isRefusedInWordsAndBounded_andThenAllIsAsBefore() throws Exception {
    List<HttpResponse<String>> answers;
    pool.scorer(0).signal("STOP");
    pool.scorer(1).signal("STOP");
    double most;
    try {
      List<CompletableFuture<HttpResponse<String>>> asked = new ArrayList<>();
      for (int i = 0; i < 400; i++) {
        asked.add(pool.ask(pool.edge(0), ITFaults.CASE));
      }
      most = PoolRun.metric(pool.edge(0), "apgms_ml_pool_rows_under_way");
      answers = asked.stream().map(CompletableFuture::join).toList();
    } finally {
      pool.scorer(0).signal("CONT");
      pool.scorer(1).signal("CONT");
    }
    assertThat(most).as("a message more at each").isLessThan(4 * PoolRun.WINDOW);
    assertThat(answers).allMatch(a -> a.statusCode() == 503 || a.statusCode() == 504);
    assertThat(answers)
        .filteredOn(a -> a.statusCode() == 503)
        .isNotEmpty()
        .allMatch(a -> a.headers().firstValue("Retry-After").isPresent())
        .allMatch(a -> a.body().contains("\"status\":503"));
    pool.awaitMembers(2);
    for (int edge = 0; edge < 2; edge++) {
      RunningService at = pool.edge(edge);
      RunningService.await(Duration.ofSeconds(10), () -> askOnce(at).statusCode() == 200);
    }
  }

  private static HttpResponse<String> askOnce(RunningService edge) {
    try {
      return edge.api("POST", "/ml/score", ITFaults.CASE);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /** The control of the losses above, and what is left is two edges over one that scores. */
  @Test
  @Order(8)
  void scoringProcess_killedWithoutASecondTry_losesRequests() throws Exception {
    pool.edge(0).close();
    pool.edge(0).set("ML_CLUSTER_RETRY", "false");
    pool.edge(0).launch();
    pool.awaitMembers(2);
    List<Answer> failed;
    try (SteadyRate load = load(0)) {
      pool.scorer(1).kill();
      load.await(150);
      pool.awaitMembers(1);
      load.await((int) (PER_SECOND * DEADLINE_MS / 1_000));
      failed = load.answers().stream().filter(a -> !a.ok()).toList();
    }
    System.out.printf("POOL without a second try: %d failed%n", failed.size());
    assertThat(failed).isNotEmpty();
    for (int edge = 0; edge < 2; edge++) {
      assertThat(askOnce(pool.edge(edge)).statusCode()).isEqualTo(200);
    }
  }
}
