package io.apgms.ml.feedback;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.util.Arrays;

/** Any bytes: a decision that is encoded and read again as the same, or the declared refusal. */
class CopyTupleFuzzTest {
  @FuzzTest(maxDuration = "30s")
  void decode(byte[] tuple) {
    Decision decision;
    try {
      decision = CopyTuple.decode(tuple);
    } catch (IllegalArgumentException refused) {
      return;
    }
    byte[] encoded = CopyTuple.encode(decision);
    if (!Arrays.equals(encoded, CopyTuple.encode(CopyTuple.decode(encoded)))) {
      throw new AssertionError("a decision that does not read as it was written");
    }
  }
}
