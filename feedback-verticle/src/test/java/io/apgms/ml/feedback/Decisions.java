package io.apgms.ml.feedback;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;

/** Made-up decisions. */
final class Decisions {
  private final SplittableRandom random;

  Decisions(long seed) {
    random = new SplittableRandom(seed);
  }

  /** Of that time; ids of one millisecond differ at random. */
  UUID id(long epochMs) {
    long high = epochMs << 16 | 0x7000L | random.nextInt(0x1000);
    return new UUID(high, 0x8000_0000_0000_0000L | random.nextLong() >>> 2);
  }

  Decision next() {
    return next(id(System.currentTimeMillis()));
  }

  Decision next(UUID id) {
    float[] features = new float[random.nextInt(40)];
    for (int i = 0; i < features.length; i++) {
      features[i] = random.nextInt(8) == 0 ? Float.NaN : (float) (random.nextDouble() - 0.5) * 1e6f;
    }
    boolean review = random.nextBoolean();
    boolean act = random.nextBoolean();
    return new Decision(
        id,
        random.nextBoolean() ? "risk-score" : "credit-default",
        "2026" + (1000 + random.nextInt(9000)),
        Long.toHexString(random.nextLong()).repeat(4),
        features,
        random.nextBoolean() ? null : "{\"sex\":\"ü" + random.nextInt() + "\"}",
        random.nextDouble(),
        random.nextDouble(),
        review,
        act,
        review && act,
        "file",
        random.nextLong(-1, 1_000_000),
        null,
        null,
        random.nextBoolean() ? null : "entity-" + random.nextInt(),
        random.nextBoolean() ? null : explained(features.length));
  }

  private Decision.Explained explained(int features) {
    float[] contributions = new float[features];
    for (int i = 0; i < features; i++) {
      contributions[i] = (random.nextInt(2_000_001) - 1_000_000) / 1e6f;
    }
    return new Decision.Explained(
        contributions, random.nextDouble(), random.nextDouble(), random.nextInt(100_000));
  }

  List<Decision> list(int n) {
    List<Decision> decisions = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      decisions.add(next());
    }
    return decisions;
  }

  /** With a score that the table does not take. */
  static Decision refused(UUID id) {
    return new Decision(
        id,
        "m",
        "v",
        "d",
        new float[0],
        null,
        1.5,
        0.5,
        true,
        false,
        false,
        "file",
        0,
        null,
        null,
        null);
  }

  /** Of model m, version v; enforced where it says so. */
  static Decision plain(UUID id, boolean review, boolean enforced) {
    return requested(id, review, enforced, null, null);
  }

  static Decision requested(
      UUID id, boolean review, boolean enforced, String requestId, byte[] bodyHash) {
    float[] features = {1, 2};
    return new Decision(
        id,
        "m",
        "20261123",
        "d1",
        features,
        null,
        review ? 0.9 : 0.1,
        0.5,
        review,
        enforced,
        enforced,
        "env",
        0,
        requestId,
        bodyHash,
        "e1");
  }
}
