package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.github.f4b6a3.uuid.UuidCreator;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two replicas on one PostgreSQL: what one says of a decision that may wait in the spool of the
 * other, whose way to PostgreSQL can be cut.
 */
class ITSpools {
  private static final int WAITING = Boolean.getBoolean("soak") ? 5_000 : 50;
  private static final Duration SOON = Duration.ofSeconds(10);

  @TempDir static Path dir;
  private static EmbeddedPostgres postgres;
  private static Relay way;
  private static RunningService other; // behind the relay
  private static RunningService here;

  @BeforeAll
  static void start() throws Exception {
    postgres = Cluster.at(dir.resolve("cluster")).start();
    way = new Relay(postgres.getPort());
    other = RunningService.start(dir.resolve("other"), database(way.port()));
    here = RunningService.start(dir.resolve("here"), database(postgres.getPort()));
  }

  @AfterAll
  static void stop() throws Exception {
    way.mend();
    here.close();
    other.close();
    way.close();
    postgres.close();
  }

  private static Map<String, String> database(int port) {
    return Map.of(
        "ML_DATABASE_URL", "postgresql://postgres:postgres@127.0.0.1:" + port + "/postgres");
  }

  private void sql(String statement) throws SQLException {
    try (Connection connection = postgres.getPostgresDatabase().getConnection();
        Statement run = connection.createStatement()) {
      run.execute(statement);
    }
  }

  private HttpResponse<String> send(String id) {
    try {
      return here.api("POST", "/ml/feedback", ITFaults.label(id, "TRUE_POSITIVE"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private int status(String id) {
    return send(id).statusCode();
  }

  private static String madeUp(Instant at) {
    return UuidCreator.getTimeOrderedEpoch(at).toString();
  }

  /** Scored by the other replica while it cannot ship. */
  private List<String> decisions(int count) throws Exception {
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      HttpResponse<String> answer = other.api("POST", "/ml/score", ITFaults.CASE);
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
      ids.add(RunningService.json(answer).path("predictionId").asText());
    }
    return ids;
  }

  private void requireNotKnownYet(String id) throws Exception {
    HttpResponse<String> label = send(id);
    assertThat(label.statusCode()).as(label.body()).isEqualTo(503);
    assertThat(label.headers().firstValue("Retry-After")).hasValue("1");
    assertThat(label.body()).contains("another replica's spool");
    assertThat(here.api("GET", "/ml/predictions/" + id, null).statusCode()).isEqualTo(503);
    HttpResponse<String> file =
        here.api(
            "POST",
            "/ml/feedback/backfill",
            ITFaults.label(id, "TRUE_POSITIVE") + "\n",
            Map.of("Content-Type", "application/x-ndjson"));
    JsonNode rejection = RunningService.json(file).at("/rejections/0/reason");
    assertThat(rejection.asText()).contains("not known yet");
  }

  @Test
  void label_ofADecisionInTheOtherSpool_isTakenOnceItIsShipped() throws Exception {
    String made = madeUp(Instant.now());
    RunningService.await(SOON, () -> status(made) == 404); // both have shipped all
    String before = madeUp(Instant.now().minusSeconds(2));

    way.cut();
    List<String> waiting = decisions(WAITING);
    requireNotKnownYet(waiting.get(0));
    requireNotKnownYet(waiting.get(WAITING - 1));
    assertThat(status(madeUp(Instant.now()))).as("made up: who knows").isEqualTo(503);
    assertThat(status(before)).as("made up, of a time that is shipped").isEqualTo(404);
    assertThat(status(UUID.randomUUID().toString())).as("no UUIDv7").isEqualTo(404);

    way.mend();
    for (String id : waiting) {
      RunningService.await(SOON, () -> status(id) == 201);
    }
    String later = madeUp(Instant.now());
    RunningService.await(SOON, () -> status(later) == 404);
  }

  /** Its volume is away with it: there is no knowing what it held. */
  @Test
  void label_ofAReplicaThatWasKilled_waitsForItsVolumeOrAnOperator() throws Exception {
    way.cut();
    List<String> waiting = decisions(WAITING);
    other.kill();
    way.mend();
    for (String id : List.of(waiting.get(0), waiting.get(WAITING - 1))) {
      requireNotKnownYet(id);
    }
    other.launch();
    for (String id : waiting) {
      RunningService.await(SOON, () -> status(id) == 201);
    }

    way.cut();
    String lost = decisions(1).get(0);
    other.kill();
    String replica = replica();
    String reason = "'INC-9: its disk is gone'";
    String oncall = "ML_TOKEN=" + here.token("oncall") + " bin/ml-service replicas ";
    sql("UPDATE feedback.spool SET seen_at = clock_timestamp() WHERE replica = '" + replica + "'");
    String forget = oncall + "forget --replica " + replica + " --reason " + reason;
    assertThat(here.shell(forget + " || echo refused")).contains("silent for 10000 ms", "refused");
    requireNotKnownYet(lost);
    sql("UPDATE feedback.spool SET seen_at = seen_at - interval '1 minute'");
    RunningService.await(SOON, () -> silent() == 1);
    assertThat(here.shell(oncall + "list")).contains(replica);
    assertThat(here.shell(forget)).contains(replica + " is forgotten");
    assertThat(status(lost)).isEqualTo(404);
    assertThat(here.management("GET", "/admin/audit?limit=500", null, here.token("sre")).body())
        .contains("spool.forget", replica, "its disk is gone");

    way.mend();
    other.launch(); // it was not lost after all
    RunningService.await(SOON, () -> status(lost) == 201);
  }

  /** The control: were its mark not there, a decision would be said to be none. */
  @Test
  void label_whereTheOtherSaysNothing_isRefusedForGood() throws Exception {
    way.cut();
    String id = decisions(1).get(0);
    requireNotKnownYet(id);
    sql("DELETE FROM feedback.spool WHERE replica = '" + replica() + "'");
    assertThat(status(id)).isEqualTo(404);
    assertThat(other.api("GET", "/ml/predictions/" + id, null).statusCode()).isEqualTo(200);
    way.mend();
    RunningService.await(SOON, () -> status(id) == 201);
    other.close();
    assertThat(replicas()).as("one that stops with an empty spool leaves").isEqualTo(1);
    other.launch();
  }

  private String replica() throws IOException {
    return java.nio.file.Files.readString(dir.resolve("other/data/replica-id"));
  }

  private int replicas() throws Exception {
    HttpResponse<String> all = here.management("GET", "/admin/replicas", null, here.token("sre"));
    return RunningService.json(all).path("replicas").size();
  }

  private double silent() {
    try {
      return here.metric("apgms_ml_telemetry_silent_spools");
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
