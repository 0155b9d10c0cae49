package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.assertj.core.api.RecursiveComparisonAssert;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void decode_cutShort_isRefused(boolean explained) {
    byte[] tuple = CopyTuple.encode(next(explained));
    for (int length = 0; length < tuple.length; length++) {
      byte[] cut = Arrays.copyOf(tuple, length);
      assertThatThrownBy(() -> CopyTuple.decode(cut)).isInstanceOf(IllegalArgumentException.class);
    }
  }

  private static Decision next(boolean explained) {
    Decisions decisions = new Decisions(2);
    Decision decision = decisions.next();
    while ((decision.explained() != null) != explained) {
      decision = decisions.next();
    }
    return decision;
  }

  @Test
  void encode_notExplained_costsFourLengths() {
    Decision explained = next(true);
    Decision d =
        new Decision(
            explained.id(),
            explained.modelId(),
            explained.modelVersion(),
            explained.modelDigest(),
            explained.features(),
            explained.groupsJson(),
            explained.score(),
            explained.threshold(),
            explained.review(),
            explained.act(),
            explained.enforced(),
            explained.modeSource(),
            explained.flagAgeMs(),
            explained.requestId(),
            null,
            explained.entityId());
    int values = 20 + 8 * explained.features().length + 8 + 8 + 4;
    assertThat(CopyTuple.encode(explained)).hasSize(CopyTuple.encode(d).length + values);
    assertThat(CopyTuple.decode(CopyTuple.encode(d)).explained()).isNull();
  }

  @Test
  void decode_halfAnExplanation_isRefused() {
    byte[] tuple = CopyTuple.encode(next(false));
    ByteBuffer.wrap(tuple).putInt(tuple.length - 4, 4); // the last of four nulls
    assertThatThrownBy(() -> CopyTuple.decode(tuple)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void decode_tupleOfTheFormatBefore_isRefused() {
    byte[] tuple = CopyTuple.encode(next(false));
    byte[] before = Arrays.copyOf(tuple, tuple.length - 16);
    ByteBuffer.wrap(before).putShort(0, (short) 16);
    assertThatThrownBy(() -> CopyTuple.decode(before)).isInstanceOf(IllegalArgumentException.class);
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
