package io.apgms.ml.gateway.admin;

import io.apgms.ml.feedback.LabelExport;
import io.apgms.ml.gateway.http.LabelDigest;
import io.apgms.ml.registry.Retraining.Cause;
import io.apgms.ml.registry.Retraining.Dataset;
import io.apgms.ml.registry.Retrainings;
import io.apgms.ml.registry.Retrainings.Asked;
import io.apgms.ml.registry.Retrainings.Outcome;
import io.vertx.core.Future;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Makes requests for a retraining. Where none is open, the labels of the last seven days are hashed
 * first, which may take longer than a caller waits: then it goes on without the caller, and who
 * asks meanwhile joins it. All calls come on the management listener's loop.
 */
final class RetrainingRequests {
  private static final Duration WINDOW = Duration.ofDays(7);

  /**
   * What began before it is committed by now, so that the same window gives the same file later.
   */
  private static final Duration SETTLED = Duration.ofMinutes(1);

  private static final long WAIT_MS = 20_000;

  private final Retrainings retrainings;
  private final LabelDigest labels;
  private final Map<String, Future<Outcome>> underWay = new HashMap<>(); // two a model at most

  RetrainingRequests(Retrainings retrainings, LabelDigest labels) {
    this.retrainings = retrainings;
    this.labels = labels;
  }

  /**
   * The request that is open, made by this call or before; empty where the labels are still being
   * hashed.
   *
   * @param now the database's clock
   */
  Future<Optional<Outcome>> open(Asked asked, Instant now) {
    return retrainings
        .pending(asked.model(), asked.cause())
        .compose(
            pending ->
                pending
                    .map(r -> Future.succeededFuture(Optional.of(new Outcome(r, false))))
                    .orElseGet(() -> inTime(hashed(asked, now))));
  }

  private static Future<Optional<Outcome>> inTime(Future<Outcome> opening) {
    return opening
        .map(Optional::of)
        .timeout(WAIT_MS, TimeUnit.MILLISECONDS)
        .recover(
            e ->
                e instanceof TimeoutException
                    ? Future.succeededFuture(Optional.empty())
                    : Future.failedFuture(e));
  }

  private Future<Outcome> hashed(Asked asked, Instant now) {
    String key = (asked.cause() == Cause.regulator ? "regulator " : "alert ") + asked.model();
    Future<Outcome> joined = underWay.get(key);
    if (joined != null) {
      return joined.map(o -> new Outcome(o.retraining(), false));
    }
    Instant to = now.minus(SETTLED).truncatedTo(ChronoUnit.SECONDS);
    LabelExport.Window window = new LabelExport.Window(to.minus(WINDOW), to, asked.model());
    Future<Outcome> opening =
        labels
            .of(window)
            .map(digest -> new Dataset(window.from(), to, digest.rows(), digest.sha256()))
            .compose(dataset -> retrainings.open(asked, dataset));
    if (!opening.isComplete()) {
      underWay.put(key, opening);
      opening.onComplete(done -> underWay.remove(key));
    }
    return opening;
  }
}
