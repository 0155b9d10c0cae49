package io.apgms.ml.registry.signature;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.apgms.ml.registry.RegistryException;
import java.util.Arrays;

/**
 * Any bytes as a bundle, its payload as a statement, and the bytes themselves as a statement: read
 * as they are written again, or the declared refusal.
 */
class SignatureFuzzTest {
  @FuzzTest(maxDuration = "30s")
  void read(byte[] json) {
    try {
      Bundle bundle = Bundle.parse(json);
      Bundle again = Bundle.parse(bundle.toJson());
      if (!again.hint().equals(bundle.hint())
          || !Arrays.equals(again.payload(), bundle.payload())
          || !Arrays.equals(again.signature(), bundle.signature())) {
        throw new AssertionError("a bundle that does not read as it was written");
      }
      statement(bundle.payload());
    } catch (RegistryException.Corrupt refused) {
      statement(json);
    }
  }

  private static void statement(byte[] json) {
    Statement statement;
    try {
      statement = Statement.parse(json);
    } catch (RegistryException.Corrupt refused) {
      return;
    }
    if (!Statement.parse(statement.toJson()).equals(statement)) {
      throw new AssertionError("a statement that does not read as it was written");
    }
  }
}
