package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.ReceivingSink.Event;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A network between the service and PostgreSQL that stops, cuts in mid-commit, or is slow. */
class ITPartition {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final boolean SOAK = Boolean.getBoolean("soak");
  private static final Duration BOUND = Duration.ofSeconds(40);
  private static final String UP = "upstream";
  private static final String DOWN = "downstream";

  /** Lease of the forced modes and the time of a send that had been let through. */
  private static final Duration LATEST_START = Duration.ofSeconds(3);

  /** Of a commit as it goes over the wire here; what is beyond it cuts nothing. */
  private static final int COMMIT_BYTES = 1_500;

  private static final int ANSWER_BYTES = 120;
  private static final int DEADLINE_MS = 2_000;
  private static final int MARGIN_MS = SOAK ? 50 : 400; // beside whatever else runs here

  @TempDir Path dir;
  private final ReceivingSink sink = new ReceivingSink();
  private DurablePostgres postgres;
  private Toxiproxy network;
  private RunningService service;

  @BeforeEach
  void open() throws Exception {
    postgres = DurablePostgres.start(dir);
    network = new Toxiproxy(dir, postgres.port());
    Map<String, String> settings = Acting.settings(dir, Acting.url(network.port()), sink);
    settings.put("ML_ACTION_CONCURRENCY", "4");
    service = RunningService.start(dir, settings);
    awaitActing();
  }

  @AfterEach
  void close() throws Exception {
    service.close();
    network.close();
    sink.close();
    postgres.close();
  }

  private static String body(String entity, String requestId) throws IOException {
    ObjectNode body = (ObjectNode) JSON.readTree(ITFaults.CASE);
    body.put("entityId", entity);
    if (requestId != null) {
      body.put("requestId", requestId);
    }
    return body.toString();
  }

  private HttpResponse<String> score(String body) throws Exception {
    return service.api("POST", "/ml/score", body);
  }

  private void awaitActing() throws Exception {
    String body = body("warm", null);
    RunningService.await(
        BOUND,
        () -> {
          try {
            HttpResponse<String> answer = score(body);
            return answer.statusCode() == 200
                && RunningService.json(answer).at("/decision/enforced").asBoolean();
          } catch (Exception e) {
            throw new AssertionError(e);
          }
        });
  }

  @Test
  void partition_aBacklogWaits_startsNothingLateAndLosesNothing() throws Exception {
    sink.delays(200);
    List<String> held = new ArrayList<>();
    for (int i = 0; i < 160; i++) {
      JsonNode decided = RunningService.json(score(body("e" + i, null)));
      assertThat(decided.at("/decision/enforced").asBoolean()).isTrue();
      held.add(decided.path("predictionId").asText());
    }
    network.add("timeout", UP, Map.of("timeout", 0));
    network.add("timeout", DOWN, Map.of("timeout", 0));
    Instant cut = Instant.now();
    List<String> observed = new ArrayList<>();
    long longestMs = 0;
    while (Instant.now().isBefore(cut.plusSeconds(SOAK ? 60 : 8))) {
      long began = System.nanoTime();
      HttpResponse<String> answer = score(body("away", null));
      longestMs = Math.max(longestMs, Duration.ofNanos(System.nanoTime() - began).toMillis());
      if (answer.statusCode() == 200) {
        JsonNode decided = RunningService.json(answer);
        assertThat(decided.at("/decision/enforced").asBoolean()).isFalse();
        observed.add(decided.path("predictionId").asText());
      }
    }
    Instant healed = Instant.now();
    network.remove("timeout", UP);
    network.remove("timeout", DOWN);
    assertThat(observed).hasSizeGreaterThan(100);
    assertThat(longestMs).isLessThan(DEADLINE_MS + MARGIN_MS);
    List<Event> late =
        sink.log().stream()
            .filter(e -> e.checkedAt().isAfter(cut.plus(LATEST_START)))
            .filter(e -> e.checkedAt().isBefore(healed))
            .toList();
    assertThat(late).isEmpty();
    sink.delays(0);
    RunningService.await(BOUND, () -> seen().containsAll(held));
    awaitActing();
    for (String id : observed.subList(0, 100)) {
      assertThat(service.api("GET", "/ml/predictions/" + id, null).statusCode()).isEqualTo(200);
    }
    System.out.printf(
        "PARTITION observed %d, longest answer %d ms, last start %d ms after the cut%n",
        observed.size(),
        longestMs,
        sink.log().stream()
            .filter(e -> e.checkedAt().isBefore(healed))
            .mapToLong(e -> Duration.between(cut, e.checkedAt()).toMillis())
            .max()
            .orElse(0));
  }

  private Set<String> seen() {
    return sink.log().stream().map(Event::predictionId).collect(Collectors.toSet());
  }

  @Test
  void commit_cutAtAnyByte_isOneTruthWhenAskedAgain() throws Exception {
    int unanswered = 0;
    int committed = 0;
    for (String stream : List.of(UP, DOWN)) {
      int most = stream.equals(UP) ? COMMIT_BYTES : ANSWER_BYTES;
      int step = SOAK ? (stream.equals(UP) ? 7 : 1) : most / 8;
      for (int bytes = 1; bytes <= most; bytes += step) {
        String key = stream + bytes;
        String body = body("cut", key);
        network.add("limit_data", stream, Map.of("bytes", bytes));
        HttpResponse<String> first = score(body);
        network.remove("limit_data", stream);
        assertThat(first.statusCode()).as(first.body()).isIn(200, 503);
        long before = rows(key);
        if (first.statusCode() == 503) {
          unanswered++;
          committed += (int) before;
        }
        JsonNode truth = truth(body);
        assertThat(rows(key)).as(key).isEqualTo(1);
        JsonNode said = RunningService.json(first);
        if (first.statusCode() == 200 || (before == 1 && said.has("predictionId"))) {
          assertThat(truth.path("predictionId")).isEqualTo(said.path("predictionId"));
        }
      }
    }
    // The cuts fell on both sides of the commit, or this shows nothing.
    assertThat(committed).isBetween(1, unanswered - 1);
    System.out.printf("CUT commits unanswered %d, of them committed %d%n", unanswered, committed);
  }

  private JsonNode truth(String body) throws Exception {
    JsonNode[] found = new JsonNode[1];
    RunningService.await(
        BOUND,
        () -> {
          try {
            HttpResponse<String> answer = score(body);
            found[0] = RunningService.json(answer);
            return answer.statusCode() == 200;
          } catch (Exception e) {
            throw new AssertionError(e);
          }
        });
    return found[0];
  }

  private long rows(String requestId) throws Exception {
    return postgres.count("feedback.decision WHERE request_id = '" + requestId + "'");
  }

  @Test
  void latency_ofPostgres_isAnsweredByTheDeadline() throws Exception {
    for (int latencyMs : List.of(50, 500, 5_000)) {
      network.add("latency", DOWN, Map.of("latency", latencyMs, "jitter", latencyMs / 5));
      Set<Integer> statuses = new TreeSet<>();
      long longestMs = 0;
      for (int i = 0; i < (SOAK ? 200 : 20); i++) {
        long began = System.nanoTime();
        statuses.add(score(body("slow", latencyMs + "-" + i)).statusCode());
        longestMs = Math.max(longestMs, Duration.ofNanos(System.nanoTime() - began).toMillis());
        HttpResponse<String> observed = score(ITFaults.CALM);
        assertThat(observed.statusCode()).isEqualTo(200);
      }
      network.remove("latency", DOWN);
      System.out.printf("SLOW %d ms: %s, longest %d ms%n", latencyMs, statuses, longestMs);
      assertThat(longestMs).isLessThan(DEADLINE_MS + MARGIN_MS);
      assertThat(Set.of(200, 503)).containsAll(statuses);
    }
    awaitActing();
  }
}
