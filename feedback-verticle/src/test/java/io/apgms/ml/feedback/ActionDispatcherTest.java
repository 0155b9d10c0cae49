package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ActionDispatcherTest {
  private static final WebhookSecrets SECRETS =
      WebhookSecrets.of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

  /** What came, in the order in which it came. */
  private record Received(String id, String subject, long sequence, String action) {}

  private final Vertx vertx = Vertx.vertx();
  private final OutboxRows rows = new OutboxRows();
  private final List<String> deployed = new ArrayList<>();
  private final List<Received> received = Collections.synchronizedList(new ArrayList<>());
  private final AtomicReference<ActionLease.Verdict> mode =
      new AtomicReference<>(new ActionLease.Verdict(ActionLease.May.ACT, "file"));

  @AfterEach
  void close() {
    deployed.forEach(id -> TestDatabase.get(TestDatabase.VERTX.undeploy(id)));
    TestDatabase.get(vertx.close());
  }

  private ActionSink sink(Consumer<HttpServerRequest> answer) {
    HttpServer server =
        TestDatabase.get(
            vertx
                .createHttpServer()
                .requestHandler(
                    request ->
                        request
                            .body()
                            .onSuccess(
                                body -> {
                                  JsonObject event = body.toJsonObject();
                                  received.add(
                                      new Received(
                                          event.getString("id"),
                                          event.getString("subject"),
                                          Long.parseLong(event.getString("sequence")),
                                          event.getJsonObject("data").getString("action")));
                                  answer.accept(request);
                                }))
                .listen(0, "127.0.0.1"));
    return ActionSink.of("http://127.0.0.1:" + server.actualPort() + "/", true);
  }

  private void dispatchers(int n, ActionSink... sinks) {
    dispatchers(n, SendTracing.CARRIED, sinks);
  }

  private void dispatchers(int n, SendTracing tracing, ActionSink... sinks) {
    ActionOptions options =
        new ActionOptions(
            List.of(sinks), SECRETS, true, 16, (model, tenant, entity) -> mode.get(), tracing);
    for (int i = 0; i < n; i++) {
      ActionDispatcher dispatcher =
          new ActionDispatcher(
              options,
              new OutboxTable(rows.database.db),
              new ActionMeters(new io.micrometer.core.instrument.simple.SimpleMeterRegistry()));
      deployed.add(TestDatabase.get(TestDatabase.VERTX.deployVerticle(dispatcher)));
    }
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(40);
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > end) {
        throw new AssertionError("not within 40 s");
      }
      TimeUnit.MILLISECONDS.sleep(10); // the database tells nobody when it is so far
    }
  }

  @Test
  void dispatch_threeAtOnceToASinkThatFailsNowAndThen_sendsEachInOrderPerEntity() throws Exception {
    SplittableRandom random = new SplittableRandom(5);
    List<UUID> ids = rows.holds(400, 23);
    ActionSink flaky =
        sink(
            request -> {
              int draw = random.nextInt(10);
              if (draw == 0) {
                var unused = request.connection().close(); // taken, and the answer is lost
              } else {
                request.response().setStatusCode(draw == 1 ? 500 : 204).end();
              }
            });
    dispatchers(3, flaky);
    await(() -> rows.outbox("sent") == 400);
    Map<String, Long> last = new HashMap<>();
    Set<String> seen = new HashSet<>();
    for (Received one : List.copyOf(received)) {
      if (seen.add(one.id())) {
        assertThat(one.sequence()).isGreaterThan(last.getOrDefault(one.subject(), 0L));
        last.put(one.subject(), one.sequence());
      }
    }
    assertThat(seen).hasSize(ids.size());
    assertThat(received.size()).isGreaterThan(400);
  }

  @Test
  void dispatch_oneSinkDead_delaysNoOther() throws Exception {
    ActionSink dead = ActionSink.of("http://127.0.0.1:1/", true);
    ActionSink well = sink(request -> request.response().end());
    rows.holds(300, 0);
    dispatchers(1, dead, well);
    await(() -> rows.deliveries("sent") == 300);
    assertThat(rows.outbox("pending")).isEqualTo(300); // at the dead one they wait
    assertThat(rows.database.count("feedback.action_delivery WHERE state='sent' AND attempts > 1"))
        .isZero();
    assertThat(received).hasSize(300);
  }

  @Test
  void dispatch_modeObserve_cancelsWithTheReasonAndSendsNothing() throws Exception {
    mode.set(new ActionLease.Verdict(ActionLease.May.OBSERVE, "override"));
    rows.holds(50, 0);
    dispatchers(2, sink(request -> request.response().end()));
    await(() -> rows.outbox("cancelled") == 50);
    assertThat(received).isEmpty();
    assertThat(
            rows.database.count(
                "feedback.action_delivery WHERE reason = 'mode is observe by override'"
                    + " AND attempts = 0"))
        .isEqualTo(50);
  }

  @Test
  void dispatch_modeNotKnown_waitsAndSendsOnceItIs() throws Exception {
    mode.set(new ActionLease.Verdict(ActionLease.May.UNKNOWN, "unlogged"));
    rows.holds(5, 0);
    dispatchers(1, sink(request -> request.response().end()));
    await(
        () ->
            rows.database.count(
                    "feedback.action_delivery WHERE reason = 'mode not known: unlogged'")
                == 5);
    assertThat(received).isEmpty();
    mode.set(new ActionLease.Verdict(ActionLease.May.ACT, "file"));
    await(() -> rows.outbox("sent") == 5);
    assertThat(received).hasSize(5);
  }

  private record Ended(SendTracing.Sending sending, int status, String failure) {}

  @Test
  void dispatch_ofATrace_tellsEachAttemptAndSendsTheHeaderItGives() throws Exception {
    List<Ended> told = Collections.synchronizedList(new ArrayList<>());
    List<String> headers = Collections.synchronizedList(new ArrayList<>());
    UUID id = rows.hold("e1");
    SendTracing tracing =
        sending ->
            new SendTracing.Attempt() {
              @Override
              public String traceparent() {
                return sending.traceparent() + sending.attempt();
              }

              @Override
              public void ended(int status, String failure) {
                told.add(new Ended(sending, status, failure));
              }
            };
    ActionSink flaky =
        sink(
            request -> {
              headers.add(request.getHeader("traceparent"));
              request.response().setStatusCode(headers.size() == 1 ? 500 : 204).end();
            });
    dispatchers(1, tracing, flaky);
    await(() -> rows.outbox("sent") == 1);
    assertThat(headers).containsExactly(OutboxRows.TRACE + "1", OutboxRows.TRACE + "2");
    assertThat(told).extracting(Ended::status).containsExactly(500, 204);
    assertThat(told).extracting(Ended::failure).containsExactly("answered 500", null);
    SendTracing.Sending last = told.get(1).sending();
    assertThat(last.predictionId()).isEqualTo(id);
    assertThat(List.of(last.kind(), last.sink())).containsExactly("hold", flaky.id());
  }

  @Test
  void dispatch_heldBack_isNoAttempt() throws Exception {
    List<SendTracing.Sending> begun = Collections.synchronizedList(new ArrayList<>());
    mode.set(new ActionLease.Verdict(ActionLease.May.OBSERVE, "override"));
    rows.holds(20, 0);
    SendTracing tracing =
        sending -> {
          begun.add(sending);
          return SendTracing.CARRIED.begin(sending);
        };
    dispatchers(1, tracing, sink(request -> request.response().end()));
    await(() -> rows.outbox("cancelled") == 20);
    assertThat(begun).isEmpty();
  }

  /** A release undoes: it goes out in observe. */
  @Test
  void dispatch_releaseInObserve_isSent() throws Exception {
    UUID id = rows.hold("e1");
    dispatchers(1, sink(request -> request.response().end()));
    await(() -> rows.outbox("sent") == 1);
    mode.set(new ActionLease.Verdict(ActionLease.May.OBSERVE, "override"));
    rows.database.sql(
        "INSERT INTO feedback.model_feedback (id, prediction_id, model_id, model_version, label,"
            + " source, submitted_by, observed_at, key_scope, body_hash) VALUES"
            + " (gen_random_uuid(), '"
            + id
            + "', 'm', 'v', 'FALSE_POSITIVE', 'OPERATOR', 'ann', now(), 'ann', '')");
    TestDatabase.get(rows.database.pool.withTransaction(c -> Releases.after(c, id)));
    await(() -> rows.outbox("sent") == 2);
    assertThat(received).extracting(Received::action).containsExactly("hold", "release");
  }
}
