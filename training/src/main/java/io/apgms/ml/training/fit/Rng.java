package io.apgms.ml.training.fit;

import java.util.SplittableRandom;

/**
 * Random numbers that are the same on every JDK: only {@code SplittableRandom.nextLong} is used,
 * whose sequence is fixed, everything else is derived here.
 */
public final class Rng {
  private final SplittableRandom longs;

  public Rng(long seed) {
    this.longs = new SplittableRandom(seed);
  }

  /** A stream of its own for each key under a seed. */
  public static Rng of(long seed, long key) {
    return new Rng(mix(seed ^ mix(key + 0x9e3779b97f4a7c15L)));
  }

  /** Uniform in [0, 1), 53 bits. */
  public double uniform() {
    return (longs.nextLong() >>> 11) * 0x1.0p-53;
  }

  /** Uniform in 0 to {@code bound} - 1. */
  public int below(int bound) {
    return (int) (uniform() * bound);
  }

  /** Standard normal, by inversion. */
  public double normal() {
    // 52 bits and a half: never 0, never 1.
    return NormalQuantile.of(((longs.nextLong() >>> 12) + 0.5) * 0x1.0p-52);
  }

  /** The numbers 0 to n - 1 in random order (Fisher and Yates). */
  public int[] permutation(int n) {
    int[] order = new int[n];
    for (int i = 0; i < n; i++) {
      order[i] = i;
    }
    shuffle(order);
    return order;
  }

  void shuffle(int[] order) {
    for (int i = order.length - 1; i > 0; i--) {
      int j = below(i + 1);
      int swap = order[i];
      order[i] = order[j];
      order[j] = swap;
    }
  }

  // Stafford's variant 13 of the MurmurHash3 finaliser: neighbouring keys give unrelated streams.
  private static long mix(long z) {
    long a = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    long b = (a ^ (a >>> 27)) * 0x94d049bb133111ebL;
    return b ^ (b >>> 31);
  }
}
