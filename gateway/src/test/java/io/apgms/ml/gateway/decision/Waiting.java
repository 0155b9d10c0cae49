package io.apgms.ml.gateway.decision;

import java.util.UUID;
import java.util.concurrent.TimeUnit;

/** Requests that nobody waits for. */
final class Waiting {
  private Waiting() {}

  /** One of a single feature, with a minute from its arrival. */
  static Pending of(String model, boolean explain, long arrivedNanos) {
    Reply none =
        new Reply() {
          @Override
          public void decided(Decided decided) {}

          @Override
          public void refused(Refusal why, UUID predictionId) {}
        };
    long deadline = arrivedNanos + TimeUnit.MINUTES.toNanos(1);
    return new Pending(
        new ScoreCall(model, null, null, null, null, new float[] {1}, explain),
        new Terms(null, arrivedNanos, deadline, null, null),
        none);
  }
}
