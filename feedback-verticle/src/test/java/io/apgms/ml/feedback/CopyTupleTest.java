package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.assertj.core.api.RecursiveComparisonAssert;
import org.junit.jupiter.api.Test;

class CopyTupleTest {
  static RecursiveComparisonAssert<?> assertSame(Decision decision) {
    return assertThat(decision)
        .usingRecursiveComparison()
        .ignoringFields("bodyHash")
        .withEqualsForType(Arrays::equals, float[].class)
        .withEqualsForType(Double::equals, Double.class);
  }

  @Test
  void decode_ofEncoded_isTheSameDecision() {
    Decisions decisions = new Decisions(1);
    for (int i = 0; i < 20_000; i++) {
      Decision decision = decisions.next();
      assertSame(CopyTuple.decode(CopyTuple.encode(decision))).isEqualTo(decision);
    }
  }

  @Test
  void decode_cutShort_isRefused() {
    byte[] tuple = CopyTuple.encode(new Decisions(2).next());
    for (int length = 0; length < tuple.length; length++) {
      byte[] cut = Arrays.copyOf(tuple, length);
      assertThatThrownBy(() -> CopyTuple.decode(cut)).isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void decode_bytesChanged_isADecisionOrRefused() {
    SplittableRandom random = new SplittableRandom(3);
    Decisions decisions = new Decisions(3);
    int refused = 0;
    for (int i = 0; i < 20_000; i++) {
      byte[] tuple = CopyTuple.encode(decisions.next());
      for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
        tuple[random.nextInt(tuple.length)] = (byte) random.nextInt();
      }
      try {
        CopyTuple.decode(tuple);
      } catch (IllegalArgumentException e) {
        refused++;
      }
    }
    assertThat(refused).isPositive();
  }
}
