package io.apgms.ml.feedback;

import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** Holds in a test database, and the dispatcher's steps over them one at a time. */
final class OutboxRows {
  static final ActionSink A = ActionSink.of("https://a.example/", false);
  static final ActionSink B = ActionSink.of("https://b.example/", false);

  static final String TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

  final TestDatabase database = new TestDatabase();
  final OutboxTable table = new OutboxTable(database.db);
  private final GroupCommit commits = database.commits();
  private final Decisions decisions = new Decisions(29);

  /** A hold of an entity; null for none. */
  UUID hold(String entity) {
    return TestDatabase.get(commits.commit(decision(entity), "tenant-1", TRACE)).id();
  }

  List<UUID> holds(int n, int entities) {
    List<Future<Decision>> pending = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      pending.add(commits.commit(decision(entities == 0 ? null : "e" + i % entities)));
    }
    return pending.stream().map(f -> TestDatabase.get(f).id()).toList();
  }

  private Decision decision(String entity) {
    return new Decision(
        decisions.id(System.currentTimeMillis()),
        "m",
        "20261123",
        "d1",
        new float[] {1, 2},
        null,
        0.9,
        0.5,
        true,
        true,
        true,
        "file",
        3,
        null,
        null,
        entity);
  }

  int fanOut(ActionSink... sinks) {
    return TestDatabase.get(table.fanOut(List.of(sinks)));
  }

  List<Delivery> claim(int n, ActionSink... sinks) {
    return claim(table, n, sinks);
  }

  static List<Delivery> claim(OutboxTable table, int n, ActionSink... sinks) {
    Map<String, Integer> wanted = new LinkedHashMap<>();
    for (ActionSink sink : sinks) {
      wanted.put(sink.id(), n);
    }
    return TestDatabase.get(table.claim(wanted, System.nanoTime())).deliveries();
  }

  static OutboxTable.Mark mark(Delivery d, SendResult result) {
    RetryPolicy policy = new RetryPolicy(new java.util.SplittableRandom(3));
    return new OutboxTable.Mark(d, result, policy.after(result, d));
  }

  static SendResult answered(int status) {
    return SendResult.answered(status, 0, java.time.Instant.now());
  }

  boolean marked(Delivery d, SendResult result) {
    Set<OutboxTable.Key> taken = TestDatabase.get(table.mark(List.of(mark(d, result))));
    return taken.contains(OutboxTable.Key.of(d));
  }

  /** As if that much time had gone by for all that waits. */
  void dueNow() {
    database.sql("UPDATE feedback.action_delivery SET due_at = now() WHERE state = 'pending'");
  }

  void leasesOver() {
    database.sql(
        "UPDATE feedback.action_delivery SET due_at = now(), leased_until = now() - interval '1 s'"
            + " WHERE leased_until IS NOT NULL");
  }

  long outbox(String state) {
    return database.count("feedback.action_outbox WHERE state = '" + state + "'");
  }

  long deliveries(String state) {
    return database.count("feedback.action_delivery WHERE state = '" + state + "'");
  }
}
