package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import java.net.InetAddress;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes actions from the outbox to their sinks, at least once, in order per entity.
 *
 * <p>A turn: fan out what is new → claim as many as each lane has slots for → send each, the lease
 * checked when its connection is there → store what became of them, many at a time. Everything runs
 * on this verticle's loop; one turn and one store are under way at most. Claims and marks of
 * several replicas meet in the database alone.
 */
public final class ActionDispatcher extends VerticleBase {
  private static final Logger LOG = LoggerFactory.getLogger(ActionDispatcher.class);
  private static final long IDLE_MS = 50;
  private static final long AWAY_MS = 500;
  private static final long SLOW_TURN_MS = 5_000;
  private static final long STOP_MS = 3_000;
  private static final int MAX_MARKS = 512;
  private static final String NOT_KNOWN = "mode not known: ";

  private final ActionOptions options;
  private final OutboxTable table;
  private final ActionMeters meters;
  private final RetryPolicy policy = new RetryPolicy(new SecureRandom());
  private final Map<String, SinkLane> lanes = new LinkedHashMap<>();
  private final List<OutboxTable.Mark> ended = new ArrayList<>();
  private @Nullable WebhookClient client;
  private @Nullable Promise<Void> stopping;
  private boolean turning;
  private boolean marking;
  private boolean again;
  private boolean lookForNew = true;
  private boolean away;

  ActionDispatcher(ActionOptions options, OutboxTable table, ActionMeters meters) {
    this.options = options;
    this.table = table;
    this.meters = meters;
  }

  @Override
  public Future<?> start() {
    SinkAddresses addresses =
        new SinkAddresses(
            vertx, InetAddress::getAllByName, options.allowPrivate(), System::nanoTime);
    client =
        new WebhookClient(
            vertx, addresses, options.secrets(), WebhookClient.bounded(), options.concurrency());
    for (ActionSink sink : options.sinks()) {
      SinkLane lane = new SinkLane(sink, options.concurrency(), System::nanoTime);
      lanes.put(sink.id(), lane);
      meters.lane(lane);
    }
    vertx.setPeriodic(
        IDLE_MS,
        id -> {
          lookForNew = true;
          turn();
        });
    vertx.setPeriodic(SLOW_TURN_MS, id -> slowTurn());
    return Future.succeededFuture();
  }

  private void slowTurn() {
    table.expire().onSuccess(given -> meters.count("dead", given));
    table.gauges().onSuccess(meters::stored);
  }

  private void turn() {
    if (turning || stopping != null) {
      return;
    }
    turning = true;
    again = false;
    fanOut().compose(made -> claim()).onComplete(done -> turned(done.succeeded(), done.cause()));
  }

  /** Each fifty milliseconds, and as long as there is more. */
  private Future<Void> fanOut() {
    if (!lookForNew) {
      return Future.succeededFuture();
    }
    return table
        .fanOut(options.sinks())
        .map(
            made -> {
              lookForNew = made > 0;
              again |= made > 0;
              return null;
            });
  }

  private void turned(boolean well, @Nullable Throwable why) {
    if (!well && !away) {
      LOG.warn("actions wait: {}", why == null ? "" : why.getMessage());
    }
    away = !well;
    if (away) { // the next turn comes when this rest is over
      vertx.setTimer(AWAY_MS, id -> turning = false);
      return;
    }
    turning = false;
    if (again) {
      turn();
    }
  }

  private Future<Void> claim() {
    Map<String, Integer> wanted = new LinkedHashMap<>();
    for (SinkLane lane : lanes.values()) {
      int slots = lane.take();
      if (slots > 0) {
        wanted.put(lane.sink().id(), slots);
      }
    }
    if (wanted.isEmpty()) {
      return Future.succeededFuture();
    }
    return table
        .claim(wanted, System.nanoTime())
        .onFailure(e -> wanted.forEach((sink, slots) -> lane(sink).giveBack(slots)))
        .map(
            claim -> {
              claimed(claim, wanted);
              return null;
            });
  }

  private void claimed(OutboxTable.Claim claim, Map<String, Integer> wanted) {
    wanted.forEach(
        (sink, slots) -> {
          long got = claim.deliveries().stream().filter(d -> d.sink().equals(sink)).count();
          lane(sink).giveBack(slots - (int) got);
          again |= claim.looked().getOrDefault(sink, 0).equals(slots);
        });
    claim.deliveries().forEach(this::send);
  }

  private SinkLane lane(String sink) {
    return Objects.requireNonNull(lanes.get(sink));
  }

  private void send(Delivery d) {
    Decision decision = d.decision();
    SinkLane lane = lane(d.sink());
    if (decision == null) {
      settle(d, SendResult.unsent(SendResult.Kind.IMPOSSIBLE, "its decision is not stored"));
      return;
    }
    SendResult stop = gate(d, decision); // to save a connection; what counts is asked again there
    if (stop != null) {
      settle(d, stop);
      return;
    }
    long asked = System.nanoTime();
    SendTracing.Attempt attempt = options.tracing().begin(d.sending());
    Objects.requireNonNull(client)
        .send(lane.sink(), d, decision, attempt.traceparent(), () -> gate(d, decision))
        .onSuccess(
            result -> {
              if (result.started()) {
                meters.sent(Duration.ofNanos(System.nanoTime() - asked));
              }
              if (result.started() || result.kind() == SendResult.Kind.UNREACHABLE) {
                attempt.ended(result.status(), result.reason());
              }
              settle(d, result);
            });
  }

  /**
   * Whether it may be sent at this moment; null where it may. A release undoes what was enforced:
   * it goes out in observe too.
   */
  private @Nullable SendResult gate(Delivery d, Decision decision) {
    if (!table.leased(d, System.nanoTime(), WebhookClient.ANSWER_MS)) {
      return SendResult.unsent(SendResult.Kind.WAITING, "its claim is too old");
    }
    if (d.withdrawn()) {
      return SendResult.unsent(SendResult.Kind.CANCELLED, "label FALSE_POSITIVE");
    }
    if (!d.hold()) {
      return null;
    }
    ActionLease.Verdict verdict =
        options.lease().check(decision.modelId(), d.tenant(), decision.entityId());
    return switch (verdict.may()) {
      case ACT -> null;
      case OBSERVE ->
          SendResult.unsent(SendResult.Kind.CANCELLED, "mode is observe by " + verdict.source());
      case UNKNOWN -> SendResult.unsent(SendResult.Kind.WAITING, NOT_KNOWN + verdict.source());
    };
  }

  private void settle(Delivery d, SendResult result) {
    lane(d.sink()).ended(result);
    ended.add(new OutboxTable.Mark(d, result, policy.after(result, d)));
    mark();
  }

  /** Those that end while a store is under way are stored together by the next one. */
  private void mark() {
    if (marking || ended.isEmpty()) {
      return;
    }
    marking = true;
    List<OutboxTable.Mark> marks = List.copyOf(ended.subList(0, Math.min(ended.size(), MAX_MARKS)));
    ended.subList(0, marks.size()).clear();
    table.mark(marks).onSuccess(taken -> marked(marks, taken)).onFailure(e -> unmarked(marks));
  }

  private void marked(List<OutboxTable.Mark> marks, Set<OutboxTable.Key> taken) {
    for (OutboxTable.Mark mark : marks) {
      lane(mark.delivery().sink()).marked();
      boolean stored = taken.contains(OutboxTable.Key.of(mark.delivery()));
      meters.count(stored ? counted(mark) : "fenced", 1);
      if (stored) {
        tell(mark);
      }
    }
    marking = false;
    mark();
    stopWhenIdle();
    turn();
  }

  /** One line for the end of each action of a request that named a trace. */
  private static void tell(OutboxTable.Mark mark) {
    Delivery d = mark.delivery();
    String state = mark.next().state();
    String traceparent = d.traceparent();
    if (traceparent == null || state.equals("pending")) {
      return;
    }
    (state.equals("dead") ? LOG.atWarn() : LOG.atInfo())
        .addKeyValue("predictionId", d.predictionId())
        .addKeyValue("traceId", Delivery.traceId(traceparent))
        .log("{} at {}: {}", d.kind(), d.sink(), state);
  }

  private static String counted(OutboxTable.Mark mark) {
    boolean pending = mark.next().state().equals("pending");
    if (!pending) {
      return mark.next().state();
    }
    return mark.result().kind() == SendResult.Kind.WAITING ? "waiting" : "retried";
  }

  /** Kept while their claims last; after that somebody claims them again. */
  private void unmarked(List<OutboxTable.Mark> marks) {
    long now = System.nanoTime();
    for (OutboxTable.Mark mark : marks) {
      if (table.leased(mark.delivery(), now, 0)) {
        ended.add(mark);
      } else {
        lane(mark.delivery().sink()).marked();
      }
    }
    vertx.setTimer(
        AWAY_MS,
        id -> {
          marking = false;
          mark();
          stopWhenIdle();
        });
  }

  private boolean idle() {
    return !turning && lanes.values().stream().allMatch(lane -> lane.inFlight() == 0);
  }

  private void stopWhenIdle() {
    if (stopping != null && idle()) {
      stopping.tryComplete();
    }
  }

  /** What is under way may end; after three seconds it is left to its lease. */
  @Override
  public Future<?> stop() {
    Promise<Void> idle = Promise.promise();
    stopping = idle;
    stopWhenIdle();
    vertx.setTimer(STOP_MS, id -> idle.tryComplete());
    return idle.future().compose(v -> client == null ? Future.succeededFuture() : client.close());
  }
}
