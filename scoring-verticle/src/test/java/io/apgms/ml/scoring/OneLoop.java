package io.apgms.ml.scoring;

import static io.apgms.ml.scoring.Sender.get;
import static io.apgms.ml.scoring.TestModels.OLD;
import static io.apgms.ml.scoring.TestModels.TINY;
import static io.apgms.ml.scoring.TestModels.tiny;
import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.util.List;
import org.junit.jupiter.api.AfterEach;

/** A runtime and a Vert.x of one loop: what is sent in one task has all come before its drain. */
abstract class OneLoop {
  final ScoringRuntime runtime = TestModels.runtime();
  final Vertx vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1));

  @AfterEach
  void close() {
    get(vertx.close());
  }

  ScoringVerticle deploy(int maxQueuedRows) {
    ScoringVerticle verticle = new ScoringVerticle(runtime, maxQueuedRows);
    get(vertx.deployVerticle(verticle));
    return verticle;
  }

  void serveTiny(String... forward) {
    runtime.prepare(tiny(OLD, forward));
    runtime.activate(TINY, OLD);
  }

  List<ScoreResult> score(List<ScoreRequest> requests) {
    Sender sender = new Sender(vertx);
    List<ScoreResult> results = get(sender.send(ScoringVerticle.ADDRESS, requests));
    assertThat(sender.unexpected()).isZero();
    return results;
  }

  List<List<ScoreResult>> burst(List<List<ScoreRequest>> chunks) {
    return new Sender(vertx).burst(chunks);
  }
}
