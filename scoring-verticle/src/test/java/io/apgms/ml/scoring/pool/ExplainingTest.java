package io.apgms.ml.scoring.pool;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.scoring.ExplainResult;
import io.apgms.ml.scoring.Explanation;
import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.eventbus.ReplyFailure;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ExplainingTest {
  private static final VersionKey V1 = new VersionKey("m", "20260101", "sha256:1");
  private static final float[] ROW = {1, 2};

  private record Asked(String to, Promise<Buffer> reply) {}

  private final List<Asked> asked = new ArrayList<>();
  private final Members members = new Members();
  private final Explaining explaining =
      new Explaining(
          (to, ask, timeoutMs) -> {
            Promise<Buffer> reply = Promise.promise();
            asked.add(new Asked(to, reply));
            return reply.future();
          },
          members);

  private void announce(String address) {
    members.heard(new Announcement("node-" + address, address, 64, Set.of(V1)), System.nanoTime());
  }

  private Future<ExplainResult> ask() {
    return explaining.ask(V1, ROW, 0.5, System.nanoTime() + TimeUnit.MINUTES.toNanos(1));
  }

  private static Buffer explained() {
    return Wire.encode(
        new ExplainResult(Outcome.SCORED, new Explanation(new float[] {0.1f, 0.2f}, 0.2, 0, 256)));
  }

  @Test
  void ask_oneBeforeIsLost_isAnsweredAllTheSame() {
    announce("a");
    Future<ExplainResult> lost = ask();
    Future<ExplainResult> next = ask();
    assertThat(asked.get(1).to()).isEqualTo("a" + RemoteScoring.EXPLAIN);
    asked.get(1).reply().complete(explained());
    assertThat(next.result().outcome()).isEqualTo(Outcome.SCORED);
    assertThat(next.result().explanation()).isNotNull();
    assertThat(lost.isComplete()).isFalse();
    assertThat(explaining.open()).isEqualTo(1);
  }

  @Test
  void left_theProcessAsked_isOverloadedAtOnceAndOthersAreNot() {
    announce("a");
    Future<ExplainResult> first = ask();
    Future<ExplainResult> second = ask();
    explaining.left("node-b");
    assertThat(first.isComplete()).isFalse();
    members.left("node-a");
    explaining.left("node-a");
    announce("b");
    Future<ExplainResult> third = ask();
    assertThat(first.result().outcome()).isEqualTo(Outcome.OVERLOADED);
    assertThat(second.result().outcome()).isEqualTo(Outcome.OVERLOADED);
    assertThat(third.isComplete()).isFalse();
    asked.get(0).reply().complete(explained()); // too late, and passed over
    assertThat(first.result().outcome()).isEqualTo(Outcome.OVERLOADED);
    asked.get(2).reply().complete(explained());
    assertThat(third.result().outcome()).isEqualTo(Outcome.SCORED);
    assertThat(explaining.open()).isZero();
  }

  @Test
  void ask_noAnswerInTime_isExpired() {
    announce("a");
    Future<ExplainResult> late = ask();
    asked.get(0).reply().fail(new ReplyException(ReplyFailure.TIMEOUT, "late"));
    assertThat(late.result().outcome()).isEqualTo(Outcome.EXPIRED);
    assertThat(explaining.ask(V1, ROW, 0.5, System.nanoTime()).result().outcome())
        .isEqualTo(Outcome.EXPIRED);
    assertThat(explaining.open()).isZero();
  }

  @Test
  void ask_noProcessServesTheVersion_isOverloaded() {
    assertThat(ask().result().outcome()).isEqualTo(Outcome.OVERLOADED);
    assertThat(asked).isEmpty();
  }

  @Test
  void ask_answerThatCannotBeRead_isFailed() {
    announce("a");
    Future<ExplainResult> unreadable = ask();
    asked.get(0).reply().complete(Buffer.buffer("?"));
    assertThat(unreadable.result().outcome()).isEqualTo(Outcome.FAILED);
  }

  @Test
  void ask_processThatIsOutOfTheClusterByNow_isOverloaded() {
    announce("a");
    Future<ExplainResult> nobody = ask();
    asked.get(0).reply().fail(new ReplyException(ReplyFailure.NO_HANDLERS, "nobody"));
    assertThat(nobody.result().outcome()).isEqualTo(Outcome.OVERLOADED);
  }
}
