package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who served at a time and in which mode, held against what the answers themselves said then. */
class ITActiveAt {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String MODEL = "/admin/models/risk-score";
  private static final String NEXT = "20261130";

  @TempDir Path dir;
  private RunningService service;
  private Approvers people;
  private final List<Moment> moments = new ArrayList<>();

  /** What an answer said, at a time after it and before the next change. */
  private record Moment(String what, Instant at, String version, String mode, String source) {}

  /** Committed before it is answered, so that it is there to be asked for. */
  private JsonNode score() throws Exception {
    ObjectNode body = (ObjectNode) JSON.readTree(ITFaults.CASE);
    body.put("requestId", "moment-" + System.nanoTime());
    return RunningService.json(service.api("POST", "/ml/score", body.toString()));
  }

  private void note(String what) throws Exception {
    JsonNode said = score();
    JsonNode decision = said.path("decision");
    moments.add(
        new Moment(
            what,
            Instant.now(),
            said.path("modelVersion").asText(),
            decision.path("mode").asText(),
            decision.path("modeSource").asText()));
  }

  private JsonNode activeAt(Instant at) throws Exception {
    return RunningService.json(people.call("olga", "GET", MODEL + "/active?at=" + at, null));
  }

  private void olga(String method, String path, String body) throws Exception {
    assertThat(people.call("olga", method, path, body).statusCode()).as(path).isEqualTo(200);
  }

  @Test
  void active_atAnyTime_isWhatTheAnswersSaid() throws Exception {
    ApprovalRun run = new ApprovalRun(dir);
    Map<String, String> settings = Acting.settings(dir);
    settings.putAll(run.environment());
    Instant before = Instant.now();
    try (RunningService running = RunningService.start(dir, settings)) {
      service = running;
      people = new Approvers(service, run, dir);
      RunningService.await(Duration.ofSeconds(10), this::isActing);
      note("bootstrap");
      String digest = run.candidate(service, NEXT);
      assertThat(people.promote(NEXT, people.approved(NEXT, digest)).statusCode()).isEqualTo(200);
      note("promote");
      olga("PUT", "/admin/decision-mode", "{\"mode\":\"observe\",\"reason\":\"drill\"}");
      note("forced");
      olga("POST", MODEL + "/rollback", "{\"reason\":\"worse\"}");
      note("rolled back, still forced");
      olga("DELETE", "/admin/decision-mode", "{\"reason\":\"over\"}");
      RunningService.await(Duration.ofSeconds(10), this::isActing);
      note("lifted");
      olga("PUT", MODEL + "/pin", "{\"version\":\"20261116\",\"reason\":\"audit\"}");
      note("pin");
      olga("DELETE", MODEL + "/pin", "{\"reason\":\"over\"}");
      note("unpinned: the pointer stays");

      assertThat(moments)
          .extracting(Moment::version)
          .containsExactly("20261123", NEXT, NEXT, "20261123", "20261123", "20261116", "20261116");
      assertThat(moments)
          .extracting(Moment::source)
          .containsExactly("file", "file", "override", "override", "file", "file", "file");
      for (Moment m : moments) {
        JsonNode then = activeAt(m.at());
        assertThat(then.path("version").asText()).as(m.what()).isEqualTo(m.version());
        assertThat(then.path("mode").asText()).as(m.what()).isEqualTo(m.mode());
        assertThat(then.path("modeSource").asText()).as(m.what()).isEqualTo(m.source());
      }
      assertRevisions(before);
    }
  }

  private boolean isActing() {
    try {
      return score().path("decision").path("mode").asText().equals("act");
    } catch (Exception e) {
      return false;
    }
  }

  /** To the microsecond, and nobody before the first one. */
  private void assertRevisions(Instant before) throws Exception {
    JsonNode newestFirst =
        RunningService.json(people.call("olga", "GET", MODEL + "/deployments", null))
            .path("deployments");
    assertThat(newestFirst.findValuesAsText("kind"))
        .containsExactly("pin", "rollback", "promote", "bootstrap", "bootstrap");
    for (int i = 0; i < newestFirst.size(); i++) {
      Instant at = Instant.parse(newestFirst.get(i).path("at").asText());
      JsonNode then = activeAt(at);
      assertThat(then.path("revision")).isEqualTo(newestFirst.get(i).path("revision"));
      assertThat(then.path("kind")).isEqualTo(newestFirst.get(i).path("kind"));
      assertThat(then.path("auditId")).isEqualTo(newestFirst.get(i).path("auditId"));
      JsonNode earlier = activeAt(at.minusNanos(1_000));
      if (i + 1 < newestFirst.size()) {
        assertThat(earlier.path("revision")).isEqualTo(newestFirst.get(i + 1).path("revision"));
      } else {
        assertThat(earlier.path("status").asInt()).isEqualTo(404);
      }
    }
    assertThat(activeAt(before).path("detail").asText()).contains("no active version at " + before);
  }
}
