package io.apgms.ml.scoring.pool;

import io.apgms.ml.scoring.ExplainResult;
import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.apgms.ml.scoring.pool.Members.Member;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.eventbus.ReplyFailure;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Explanations that scoring processes are asked for, each of one and once: one that is lost keeps
 * nobody else waiting. As many as the flows of this edge have open. Confined to one thread.
 */
final class Explaining {
  private static final Logger LOG = LoggerFactory.getLogger(Explaining.class);

  /** Asks an address; fails after that time at the latest. */
  interface Requests {
    Future<Buffer> request(String to, Buffer ask, long timeoutMs);
  }

  private final Requests requests;
  private final Members members;
  private final Map<Promise<ExplainResult>, String> open = new HashMap<>(); // and the node asked

  Explaining(Requests requests, Members members) {
    this.requests = requests;
    this.members = members;
  }

  /** The explanation, or why there is none: by the deadline, and at once if the process leaves. */
  Future<ExplainResult> ask(VersionKey version, float[] row, double score, long deadlineNanos) {
    long now = System.nanoTime();
    Member member = members.choose(version, false, null, now);
    long leftMs = TimeUnit.NANOSECONDS.toMillis(deadlineNanos - now);
    if (member == null || leftMs < 1) {
      return Future.succeededFuture(none(member == null ? Outcome.OVERLOADED : Outcome.EXPIRED));
    }
    Buffer ask =
        Wire.encode(new Wire.Explain(version, row, score, Wire.leftMicros(deadlineNanos, now)));
    Promise<ExplainResult> answer = Promise.promise();
    open.put(answer, member.node());
    requests
        .request(member.address() + RemoteScoring.EXPLAIN, ask, leftMs)
        .map(Wire::decodeExplained)
        .otherwise(e -> failed(version, e))
        .onComplete(
            done -> {
              open.remove(answer);
              answer.tryComplete(done.result());
            });
    return answer.future();
  }

  private static ExplainResult failed(VersionKey version, Throwable e) {
    ReplyFailure why = e instanceof ReplyException reply ? reply.failureType() : null;
    if (why == ReplyFailure.TIMEOUT || why == ReplyFailure.NO_HANDLERS) { // late, or on its way out
      return none(why == ReplyFailure.TIMEOUT ? Outcome.EXPIRED : Outcome.OVERLOADED);
    }
    LOG.warn("explanation by {} {}: {}", version.modelId(), version.version(), e.getMessage());
    return none(Outcome.FAILED);
  }

  private static ExplainResult none(Outcome why) {
    return new ExplainResult(why, null);
  }

  /** Gives up what a process was asked that left: whoever asks again is answered by another. */
  void left(String node) {
    Map.copyOf(open)
        .forEach(
            (answer, asked) -> {
              if (asked.equals(node)) {
                open.remove(answer);
                answer.tryComplete(none(Outcome.OVERLOADED));
              }
            });
  }

  int open() {
    return open.size();
  }
}
