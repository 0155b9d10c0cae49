package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.feedback.ActionLease;
import io.apgms.ml.feedback.ActionOptions;
import io.apgms.ml.feedback.ActionSink;
import io.apgms.ml.feedback.FeedbackOptions;
import io.apgms.ml.feedback.FeedbackVerticle;
import io.apgms.ml.feedback.WebhookSecrets;
import io.apgms.ml.gateway.ReceivingSink.Event;
import io.apgms.ml.gateway.database.Database;
import io.apgms.ml.gateway.database.DatabaseAddress;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Vertx;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Holds and releases on their way from a real service to receivers that check what they get. */
class ITActions {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final boolean SOAK = Boolean.getBoolean("soak");
  private static final Duration BOUND = Duration.ofSeconds(40);

  /** After a forced observe is acknowledged no action starts later than this. */
  private static final Duration LATEST_START = Duration.ofSeconds(3);

  @TempDir Path dir;
  private final ReceivingSink sink = new ReceivingSink();
  private EmbeddedPostgres postgres;
  private RunningService service;

  @BeforeEach
  void open() throws Exception {
    postgres = Cluster.at(dir.resolve("cluster")).start();
  }

  @AfterEach
  void close() throws Exception {
    if (service != null) {
      service.close();
    }
    sink.close();
    postgres.close();
  }

  private String database() {
    return Acting.url(postgres.getPort());
  }

  private void serve(Map<String, String> more) throws Exception {
    Map<String, String> settings = Acting.settings(dir, database(), sink);
    settings.putAll(more);
    service = RunningService.start(dir, settings);
    RunningService.await(BOUND, () -> score("warm").path("enforced").asBoolean());
  }

  private JsonNode score(String entity) {
    try {
      ObjectNode body = (ObjectNode) JSON.readTree(ITFaults.CASE);
      body.put("entityId", entity);
      HttpResponse<String> answer = service.api("POST", "/ml/score", body.toString());
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
      ObjectNode decided = (ObjectNode) RunningService.json(answer);
      decided.put("enforced", decided.at("/decision/enforced").asBoolean());
      return decided;
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private String hold(String entity) {
    JsonNode decided = score(entity);
    assertThat(decided.path("enforced").asBoolean()).as(decided.toString()).isTrue();
    return decided.path("predictionId").asText();
  }

  private List<String> holds(int n, int entities) {
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      ids.add(hold("e" + i % entities));
    }
    return ids;
  }

  private long count(String from) {
    try (Connection connection = postgres.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery("SELECT count(*) FROM " + from)) {
      rows.next();
      return rows.getLong(1);
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  private void awaitNonePending() throws InterruptedException {
    RunningService.await(BOUND, () -> count("feedback.action_outbox WHERE state = 'pending'") == 0);
  }

  /** Each came, the first time in the order of its entity, and each time with the same bytes. */
  private static void assertDelivered(List<Event> log, List<String> ids) {
    Map<String, List<String>> byEntity = new HashMap<>();
    Map<String, String> bodies = new HashMap<>();
    Set<String> seen = new HashSet<>();
    for (Event event : log) {
      assertThat(bodies.computeIfAbsent(event.id(), id -> event.body())).isEqualTo(event.body());
      if (seen.add(event.predictionId())) {
        byEntity.computeIfAbsent(event.subject(), s -> new ArrayList<>()).add(event.predictionId());
      }
    }
    assertThat(seen).containsAll(ids);
    byEntity.values().forEach(inOrder -> assertThat(inOrder).isSorted()); // UUIDv7
  }

  private JsonNode prediction(String id) throws Exception {
    return RunningService.json(service.api("GET", "/ml/predictions/" + id, null));
  }

  @Test
  void hold_toASinkThatChecksIt_arrivesOnceSignedAndShowsWithItsPrediction() throws Exception {
    serve(Map.of());
    String id = hold("company-1");
    awaitNonePending();
    List<Event> mine = sink.log().stream().filter(e -> e.predictionId().equals(id)).toList();
    assertThat(mine).hasSize(1);
    JsonNode shown = prediction(id).at("/actions/0");
    assertThat(shown.path("state").asText()).isEqualTo("sent");
    assertThat(shown.path("eventId").asText()).isEqualTo(mine.get(0).id());
    assertThat(shown.path("checkedAt").asText()).isEqualTo(mine.get(0).checkedAt().toString());
    assertThat(sink.refused()).isEmpty();

    // A label FALSE_POSITIVE takes it back.
    ObjectNode label = JSON.createObjectNode().put("predictionId", id);
    label.put("modelId", "risk-score").put("modelVersion", "20261123");
    label.put("label", "FALSE_POSITIVE").put("source", "OPERATOR").put("submittedBy", "ann");
    assertThat(service.api("POST", "/ml/feedback", label.toString()).statusCode()).isEqualTo(201);
    RunningService.await(
        BOUND, () -> sink.log().stream().anyMatch(e -> e.action().equals("release")));
    awaitNonePending();
    assertThat(prediction(id).at("/actions/1/action").asText()).isEqualTo("release");
    assertThat(service.metric("apgms_ml_actions_total", "result=\"sent\"")).isEqualTo(3); // warm
    assertThat(service.logText()).doesNotContain("s3cret", ReceivingSink.SECRET);

    // The control: the receiver refuses what is not signed, signed otherwise, old or altered.
    assertReceiverRefuses(mine.get(0));
  }

  private void assertReceiverRefuses(Event event) throws Exception {
    String now = Long.toString(Instant.now().getEpochSecond());
    int known = sink.log().size();
    String[][] wrong = {
      {event.id(), now, "v1,AAAA", event.body()},
      {event.id(), now, "", event.body()},
      {event.id(), Long.toString(Instant.now().getEpochSecond() - 3_600), "v1,AAAA", event.body()},
      {event.id(), now, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", event.body() + " "},
    };
    for (String[] one : wrong) {
      HttpRequest request =
          HttpRequest.newBuilder(URI.create(sink.url()))
              .header("Content-Type", "application/cloudevents+json")
              .header("webhook-id", one[0])
              .header("webhook-timestamp", one[1])
              .header("webhook-signature", one[2])
              .POST(BodyPublishers.ofString(one[3]))
              .build();
      assertThat(HttpClient.newHttpClient().send(request, BodyHandlers.discarding()).statusCode())
          .isEqualTo(401);
    }
    assertThat(sink.log()).hasSize(known);
    assertThat(sink.refused()).hasSize(wrong.length);
  }

  @Test
  void sinks_deadSlowAndFlapping_loseNothingAndDelayNoOther() throws Exception {
    SplittableRandom random = new SplittableRandom(7);
    int[] answers = {204, 204, 204, 204, 204, 500, 0, 503};
    try (ReceivingSink flapping = new ReceivingSink();
        ReceivingSink slow = new ReceivingSink()) {
      flapping.answers(e -> answers[random.nextInt(answers.length)]);
      slow.delays(400);
      String dead = "http://127.0.0.1:1/";
      serve(
          Map.of(
              "ML_ACTION_SINKS", String.join(",", sink.url(), flapping.url(), slow.url(), dead)));
      List<String> ids = holds(SOAK ? 2_000 : 80, 40);
      RunningService.await(Duration.ofSeconds(10), () -> seen(sink).containsAll(ids));
      RunningService.await(BOUND, () -> seen(flapping).containsAll(ids));
      RunningService.await(BOUND, () -> seen(slow).containsAll(ids));
      assertDelivered(sink.log(), ids);
      assertDelivered(flapping.log(), ids);
      assertDelivered(slow.log(), ids);
      RunningService.await(BOUND, () -> metric("apgms_ml_action_sink_open", "127.0.0.1-") >= 1);
      JsonNode actions = prediction(ids.get(0)).path("actions");
      assertThat(actions).hasSize(4);
    }
  }

  private double metric(String name, String label) {
    try {
      return service.metric(name, label);
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static Set<String> seen(ReceivingSink sink) {
    return sink.log().stream().map(Event::predictionId).collect(Collectors.toSet());
  }

  @Test
  void observe_forcedWhileABacklogWaits_startsNothingLaterThanThreeSeconds() throws Exception {
    sink.delays(200);
    serve(Map.of("ML_ACTION_CONCURRENCY", "4"));
    List<String> ids = holds(SOAK ? 1_000 : 160, 160);
    Instant acknowledged = forceObserve();
    RunningService.await(
        BOUND, () -> count("feedback.action_outbox WHERE state IN ('pending')") == 0);
    assertThat(late(sink.log(), acknowledged)).isEmpty();
    long cancelled = count("feedback.action_delivery WHERE state = 'cancelled'");
    assertThat(cancelled).isPositive();
    assertThat(seen(sink).stream().filter(ids::contains).count() + cancelled)
        .isGreaterThanOrEqualTo(ids.size());
    assertThat(count("feedback.action_delivery WHERE reason = 'mode is observe by override'"))
        .isEqualTo(cancelled);
    assertThat(count("feedback.decision WHERE enforced")).isEqualTo(ids.size() + 1L);
  }

  private Instant forceObserve() throws Exception {
    HttpResponse<String> forced =
        service.management(
            "PUT",
            "/admin/decision-mode",
            "{\"mode\":\"observe\",\"reason\":\"drill\"}",
            service.token("oncall"));
    assertThat(forced.statusCode()).isEqualTo(200);
    return Instant.now();
  }

  private static List<Event> late(List<Event> log, Instant acknowledged) {
    return log.stream()
        .filter(e -> e.action().equals("hold"))
        .filter(e -> e.checkedAt().isAfter(acknowledged.plus(LATEST_START)))
        .toList();
  }

  /** The control: one that asks nobody goes on sending, and the check above sees it. */
  @Test
  void observe_forcedBesideADispatcherThatDoesNotAsk_isCaught() throws Exception {
    sink.delays(200);
    serve(Map.of("ML_ACTION_SINKS", "http://127.0.0.1:1/"));
    holds(160, 160);
    Vertx vertx = Vertx.vertx();
    try {
      Instant acknowledged = forceObserve();
      // As before the first turn of a dispatcher: the service has cancelled at its own sink only.
      try (Connection connection = postgres.getPostgresDatabase().getConnection();
          Statement statement = connection.createStatement()) {
        statement.execute("DELETE FROM feedback.action_delivery");
        statement.execute(
            "UPDATE feedback.action_outbox SET state = 'pending', fanned = false, worst = 0");
      }
      service.kill();
      careless(vertx);
      RunningService.await(BOUND, () -> !late(sink.log(), acknowledged).isEmpty());
    } finally {
      PlantedService.await(vertx.close());
    }
  }

  private void careless(Vertx vertx) {
    DatabaseAddress address = DatabaseAddress.parse(database());
    FeedbackVerticle feedback =
        new FeedbackVerticle(
            new FeedbackOptions(
                "careless",
                dir.resolve("other-spool"),
                1 << 20,
                dir.resolve("other-keys"),
                address.jdbcUrl(),
                address.user(),
                address.password(),
                Database.pool(vertx, address, "careless", 4, 5_000),
                Database.connectOptions(address, 5_000),
                5_000,
                new SimpleMeterRegistry()));
    PlantedService.await(vertx.deployVerticle(feedback));
    ActionLease always =
        (model, tenant, entity) -> new ActionLease.Verdict(ActionLease.May.ACT, "nobody");
    ActionOptions to =
        new ActionOptions(
            List.of(ActionSink.of(sink.url(), true)),
            WebhookSecrets.of(ReceivingSink.SECRET),
            true,
            4,
            always);
    PlantedService.await(vertx.deployVerticle(feedback.dispatcher(to)));
  }

  @Test
  void deadLetters_listedAndRedriven_arriveUnderTheirIds() throws Exception {
    sink.answers(e -> 410);
    serve(Map.of());
    awaitNonePending();
    assertThat(count("feedback.action_outbox WHERE state = 'dead'")).isEqualTo(1);
    Map<String, String> as = Map.of("ML_TOKEN", service.token("oncall"));
    String listed = service.run(as, 0, "actions", "list");
    String event = sink.log().get(0).id();
    assertThat(listed).contains(event, "answered 410");
    sink.answers(e -> 204);
    assertThat(service.run(as, 0, "actions", "redrive", "--event", event, "--reason", "back"))
        .contains("1 dead letter(s)");
    assertThat(service.run(as, 0, "audit", "show", "--limit", "50")).contains("actions.redrive");
    // It asked for no more: it is asked again in ten minutes, or by a service that starts anew.
    service.close();
    service.launch();
    awaitNonePending();
    assertThat(sink.log()).extracting(Event::id).contains(event);
    assertThat(count("feedback.action_outbox WHERE state = 'dead'")).isZero();
  }

  @Test
  void cap_reached_observesAuditsOnceAMinuteAndIsCounted() throws Exception {
    serve(Map.of("ML_ACTION_CAP", "5"));
    List<JsonNode> decided = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      decided.add(score("e" + i));
    }
    assertThat(decided.stream().filter(d -> d.path("enforced").asBoolean()).count()).isEqualTo(4);
    JsonNode last = decided.get(19).path("decision");
    assertThat(last.path("mode").asText()).isEqualTo("observe");
    assertThat(last.path("modeSource").asText()).isEqualTo("cap");
    awaitNonePending();
    assertThat(sink.log()).hasSize(5);
    assertThat(service.metric("apgms_ml_action_capped_total", "risk-score")).isEqualTo(16);
    RunningService.await(BOUND, () -> count("registry.audit_log WHERE action = 'cap'") == 1);
  }

  /** How fast a backlog goes out to a sink on this machine; printed for docs/BENCHMARKS.md. */
  @Test
  void backlog_toALocalSink_goesOutFast() throws Exception {
    int backlog = SOAK ? 50_000 : 10_000;
    // Without a sink: what was fanned out to a dead one meanwhile would wait for it.
    RunningService.start(dir, Acting.settings(dir, database())).close();
    backlog(backlog);
    serve(Map.of());
    RunningService.await(Duration.ofMinutes(2), () -> sink.taken() >= backlog);
    List<Event> log = sink.log();
    Duration took = Duration.between(log.get(0).receivedAt(), log.get(log.size() - 1).receivedAt());
    double rate = log.size() / (took.toMillis() / 1e3);
    System.out.printf("ACTIONS backlog %d, %.0f actions/s%n", backlog, rate);
    awaitNonePending();
    assertThat(rate).isGreaterThan(100); // a busy machine; the goal is measured by make bench-data
  }

  private void backlog(int n) throws SQLException {
    try (Connection connection = postgres.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(
          "WITH d AS (INSERT INTO feedback.decision (id, at, model_id, model_version,"
              + " model_digest, features, score, threshold, review, act, enforced, mode_source,"
              + " flag_age_ms, entity_id) SELECT uuidv7(), now(), 'risk-score', '20261123', 'd',"
              + " '{}', 0.9, 0.5, true, true, true, 'file', 0, 'company-' || i"
              + " FROM generate_series(1, "
              + n
              + ") i RETURNING id)"
              + " INSERT INTO feedback.action_outbox (prediction_id, kind) SELECT id, 'hold' FROM d");
    }
  }
}
