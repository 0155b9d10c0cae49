package io.apgms.ml.feedback;

import static io.apgms.ml.feedback.OutboxRows.A;
import static io.apgms.ml.feedback.OutboxRows.B;
import static io.apgms.ml.feedback.OutboxRows.answered;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

class OutboxTableTest {
  private final OutboxRows rows = new OutboxRows();

  @Test
  void fanOut_twoSinks_givesEachHoldADeliveryAtBoth() {
    rows.holds(10, 0);
    assertThat(rows.fanOut(A, B)).isEqualTo(10);
    assertThat(rows.fanOut(A, B)).isZero();
    assertThat(rows.deliveries("pending")).isEqualTo(20);
    assertThat(rows.claim(100, A)).hasSize(10);
    assertThat(rows.claim(100, A)).isEmpty();
    assertThat(rows.claim(100, B)).hasSize(10);
  }

  @Test
  void claim_hold_carriesItsDecisionAndTenant() {
    UUID id = rows.hold("e1");
    rows.fanOut(A);
    Delivery d = rows.claim(1, A).get(0);
    assertThat(d.predictionId()).isEqualTo(id);
    assertThat(d.decision().entityId()).isEqualTo("e1");
    assertThat(d.tenant()).isEqualTo("tenant-1");
    assertThat(d.attempts()).isZero();
    String event = new String(d.event(d.decision(), "x"), java.nio.charset.StandardCharsets.UTF_8);
    assertThat(event)
        .contains("\"specversion\":\"1.0\"", "\"subject\":\"e1\"", "io.apgms.ml.action.hold");
  }

  @Test
  void claim_laterActionOfAnEntity_waitsForTheEarlierOnesEnd() {
    UUID first = rows.hold("e1");
    UUID second = rows.hold("e1");
    UUID other = rows.hold("e2");
    rows.fanOut(A, B);
    List<Delivery> claimed = rows.claim(10, A);
    assertThat(claimed).extracting(Delivery::predictionId).containsExactly(first, other);
    // A failure is no end, and the other sink does not wait for this one.
    assertThat(rows.marked(claimed.get(0), answered(500))).isTrue();
    rows.dueNow();
    Delivery again = rows.claim(10, A).get(0);
    assertThat(again.predictionId()).isEqualTo(first);
    assertThat(again.attempts()).isEqualTo(1);
    assertThat(rows.claim(10, B)).extracting(Delivery::predictionId).containsExactly(first, other);
    // Its end wakes the one behind it at once.
    assertThat(rows.marked(again, answered(204))).isTrue();
    assertThat(rows.claim(10, A)).extracting(Delivery::predictionId).containsExactly(second);
  }

  @Test
  void mark_lastDeliveryOfAnAction_givesTheActionTheWorstState() {
    rows.hold("e1");
    rows.hold("e2");
    rows.hold("e3");
    rows.fanOut(A, B);
    List<Delivery> a = rows.claim(10, A);
    a.forEach(d -> rows.marked(d, answered(200)));
    assertThat(rows.outbox("pending")).isEqualTo(3);
    List<Delivery> b = rows.claim(10, B);
    rows.marked(b.get(0), answered(200));
    rows.marked(b.get(1), answered(410));
    rows.marked(b.get(2), SendResult.unsent(SendResult.Kind.CANCELLED, "mode"));
    assertThat(List.of(rows.outbox("sent"), rows.outbox("dead"), rows.outbox("cancelled")))
        .containsExactly(1L, 1L, 1L);
  }

  /** A dispatcher that slept past its lease, while another one claimed and marked. */
  @Test
  void mark_underAnOldFencingToken_isRefused() {
    rows.hold("e1");
    rows.fanOut(A);
    Delivery paused = rows.claim(1, A).get(0);
    rows.leasesOver();
    Delivery now = rows.claim(1, A).get(0);
    assertThat(now.fence()).isGreaterThan(paused.fence());
    assertThat(now.attempts()).isEqualTo(1); // the paused one may have sent it
    assertThat(rows.marked(paused, answered(410))).isFalse();
    assertThat(rows.deliveries("dead")).isZero();
    assertThat(rows.marked(now, answered(200))).isTrue();
    assertThat(rows.marked(paused, answered(500))).isFalse();
    assertThat(rows.outbox("sent")).isEqualTo(1);
  }

  /** The control: without the token the late mark takes what another one has under way. */
  @Test
  void mark_withoutTheToken_marksTwice() {
    rows.hold("e1");
    rows.fanOut(A);
    Delivery paused = rows.claim(1, A).get(0);
    rows.leasesOver();
    Delivery now = rows.claim(1, A).get(0);
    String unfenced = OutboxTable.MARK.replace(OutboxTable.FENCED, "");
    assertThat(unfenced).isNotEqualTo(OutboxTable.MARK);
    int taken = 0;
    for (Delivery late : List.of(paused, now)) {
      taken +=
          TestDatabase.get(rows.table.mark(unfenced, List.of(OutboxRows.mark(late, answered(500)))))
              .size();
    }
    assertThat(taken).isEqualTo(2);
  }

  @Test
  void claim_eightAtOnce_giveEachDeliveryToOneInOrderPerEntity() throws Exception {
    int entities = 37;
    List<UUID> ids = rows.holds(600, entities);
    Map<UUID, Integer> entity = new LinkedHashMap<>();
    for (int i = 0; i < ids.size(); i++) {
      entity.put(ids.get(i), i % entities);
    }
    List<Delivery> sent = new ArrayList<>();
    ExecutorService threads = Executors.newFixedThreadPool(8);
    List<CompletableFuture<Void>> dispatchers = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      dispatchers.add(CompletableFuture.runAsync(() -> dispatch(sent, ids.size()), threads));
    }
    for (CompletableFuture<Void> one : dispatchers) {
      one.get();
    }
    threads.shutdown();
    assertThat(sent).hasSize(600);
    Set<UUID> once = new HashSet<>();
    Map<Integer, Long> last = new LinkedHashMap<>();
    for (Delivery d : sent) {
      assertThat(once.add(d.predictionId())).isTrue();
      Integer of = entity.get(d.predictionId());
      assertThat(d.outboxId()).isGreaterThan(last.getOrDefault(of, 0L));
      last.put(of, d.outboxId());
    }
    assertThat(rows.outbox("sent")).isEqualTo(600);
  }

  private void dispatch(List<Delivery> sent, int until) {
    while (rows.outbox("sent") < until) {
      rows.fanOut(A);
      for (Delivery d : rows.claim(7, A)) {
        synchronized (sent) {
          sent.add(d);
        }
        assertThat(rows.marked(d, answered(200))).isTrue();
      }
    }
  }

  @Test
  void expire_after24Hours_isADeadLetterThatCanBeDrivenOnceMore() {
    UUID id = rows.hold("e1");
    rows.hold("e2");
    rows.fanOut(A, B);
    rows.database.sql(
        "UPDATE feedback.action_delivery SET give_up_at = now() WHERE sink = '" + A.id() + "'");
    assertThat(rows.claim(10, A)).isEmpty();
    assertThat(TestDatabase.get(rows.table.expire())).isEqualTo(2);
    rows.claim(10, B).forEach(d -> rows.marked(d, answered(200)));
    assertThat(rows.outbox("dead")).isEqualTo(2);
    Actions actions = new Actions(rows.database.db);
    Page<ActionView> dead = TestDatabase.get(actions.list(Actions.State.dead, null, 1, null));
    assertThat(dead.items().get(0).reason()).isEqualTo("given up after 24 h");
    Page<ActionView> rest =
        TestDatabase.get(actions.list(Actions.State.dead, A.id(), 1, dead.nextCursor()));
    assertThat(rest.items()).extracting(ActionView::predictionId).containsExactly(id);
    assertThat(rest.nextCursor()).isNull();
    String event = rest.items().get(0).eventId();
    assertThat(redriven(null, List.of(event))).isEqualTo(1);
    assertThat(redriven(B.id(), null)).isZero();
    assertThat(rows.outbox("pending")).isEqualTo(1);
    Delivery again = rows.claim(10, A).get(0);
    assertThat(A.eventId(again.predictionId().toString(), "hold")).isEqualTo(event);
    rows.marked(again, answered(200));
    assertThat(rows.outbox("sent")).isEqualTo(1);
  }

  private long redriven(String sink, List<String> events) {
    return TestDatabase.get(
        rows.database.pool.withTransaction(c -> Actions.redrive(c, sink, events)));
  }

  /** Rows of the version before, which has no deliveries. */
  @Test
  void fanOut_holdsOfTheVersionBefore_areTakenAndOldOnesGivenUp() {
    rows.database.sql(
        "INSERT INTO feedback.action_outbox (prediction_id, kind, created_at)"
            + " VALUES (gen_random_uuid(), 'hold', now() - interval '25 hours')");
    assertThat(rows.fanOut(A)).isEqualTo(1);
    assertThat(rows.claim(1, A)).isEmpty();
    assertThat(TestDatabase.get(rows.table.expire())).isEqualTo(1);
    assertThat(rows.outbox("dead")).isEqualTo(1);
  }
}
