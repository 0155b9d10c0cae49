package io.apgms.ml.flags;

import java.nio.charset.StandardCharsets;
import org.apache.commons.codec.digest.MurmurHash3;

/**
 * Where a value falls in a gradual rollout or among variants: MurmurHash3 x86 32-bit over {@code
 * group:value}, as every Unleash client has it, so that all of them agree.
 */
final class Bucket {
  private static final int VARIANT_SEED = 86_028_157;

  private Bucket() {}

  /** 1 to 100. */
  static int rollout(String group, String value) {
    return bucket(group, value, 100, 0);
  }

  /** 1 to the total weight. */
  static int variant(String group, String value, int total) {
    return bucket(group, value, total, VARIANT_SEED);
  }

  private static int bucket(String group, String value, int buckets, int seed) {
    byte[] key = (group + ':' + value).getBytes(StandardCharsets.UTF_8);
    int hash = MurmurHash3.hash32x86(key, 0, key.length, seed);
    return (int) (Integer.toUnsignedLong(hash) % buckets) + 1;
  }
}
