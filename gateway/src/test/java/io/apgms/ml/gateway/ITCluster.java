package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code make cluster}: three replicas on one machine, from the start to Ctrl-C. */
class ITCluster {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration BOUND = Duration.ofSeconds(60);
  private static final int REQUESTS = 60;

  @TempDir Path dir;
  private final HttpClient client =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
  private final int api = RunningService.freePort();
  private final int management = RunningService.freePort();

  private Map<String, String> settings() {
    Map<String, String> settings = new HashMap<>();
    settings.put("ML_DATA_DIR", dir.toString());
    settings.put("ML_HTTP_PORT", Integer.toString(api));
    settings.put("ML_MANAGEMENT_PORT", Integer.toString(management));
    settings.put("ML_URL", "http://127.0.0.1:" + management);
    return settings;
  }

  private HttpResponse<String> score() throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + api + "/ml/score"))
            .timeout(Duration.ofSeconds(10))
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(ITFaults.CASE))
            .build();
    return client.send(request, BodyHandlers.ofString());
  }

  private long answered() throws Exception {
    int good = 0;
    for (int i = 0; i < REQUESTS; i++) {
      good += score().statusCode() == 200 ? 1 : 0;
    }
    return good;
  }

  private static String log(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return "";
    }
  }

  private static List<ProcessHandle> alive(Process cluster, Predicate<String> command) {
    return cluster
        .descendants()
        .filter(p -> p.info().commandLine().map(command::test).orElse(false))
        .toList();
  }

  @Test
  void cluster_fromStartToCtrlC_answersAndLeavesNothingBehind() throws Exception {
    Path log = dir.resolve("cluster.log");
    String script = RunningService.HOME.resolve("tools/cluster.sh").toString();
    // A shell that runs in the background, as CI's may, leaves Ctrl-C ignored to all it starts.
    ProcessBuilder builder = new ProcessBuilder("env", "--default-signal=INT", script);
    builder.environment().putAll(settings());
    Process cluster =
        builder.redirectErrorStream(true).redirectOutput(Redirect.to(log.toFile())).start();
    try {
      RunningService.await(
          BOUND,
          () -> {
            assertThat(cluster.isAlive()).as(log(log)).isTrue();
            return log(log).contains("Ctrl-C ends it");
          });
      assertThat(answered()).isEqualTo(REQUESTS);
      rollBack();
      loseOne(cluster);
      List<ProcessHandle> all = cluster.descendants().toList();
      assertThat(all).as("database, two replicas, HAProxy").hasSizeGreaterThanOrEqualTo(4);
      Path postmaster = dir.resolve("cluster/database/postgres/postmaster.pid");
      assertThat(postmaster).exists();
      signal("INT", cluster.pid());
      assertThat(cluster.waitFor(40, TimeUnit.SECONDS)).as(log(log)).isTrue();
      assertThat(cluster.exitValue()).as(log(log)).isZero();
      RunningService.await(BOUND, () -> all.stream().noneMatch(ProcessHandle::isAlive));
      assertThat(postmaster).as("PostgreSQL was stopped, not left").doesNotExist();
    } finally {
      cluster.destroy(); // it ends what it has started
      cluster.waitFor(40, TimeUnit.SECONDS);
      cluster.destroyForcibly();
    }
  }

  /** A token that is made here is good at whichever replica gets it, and all of them follow. */
  private void rollBack() throws Exception {
    String[] mint = {"token", "--subject", "olga", "--role", "oncall"};
    Map<String, String> settings = settings();
    settings.put("ML_TOKEN", RunningService.launcher(settings, 0, mint));
    String[] words = {"rollback", "--model", "risk-score", "--reason", "drill", "--json"};
    JsonNode change = JSON.readTree(RunningService.launcher(settings, 0, words));
    assertThat(change.path("replicas")).hasSize(3);
    assertThat(change.path("to").asText()).isEqualTo("20261116");
    for (int i = 0; i < 6; i++) {
      assertThat(score().body()).contains("\"modelVersion\":\"20261116\"");
    }
  }

  private void loseOne(Process cluster) throws Exception {
    List<ProcessHandle> replicas = alive(cluster, command -> command.endsWith(" serve"));
    assertThat(replicas).hasSize(3);
    replicas.get(1).destroyForcibly();
    RunningService.await(
        BOUND,
        () -> {
          try {
            return answered() == REQUESTS;
          } catch (Exception e) {
            return false;
          }
        });
  }

  private static void signal(String signal, long pid) throws Exception {
    assertThat(new ProcessBuilder("kill", "-" + signal, Long.toString(pid)).start().waitFor())
        .isZero();
  }
}
