package io.apgms.ml.registry;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.util.Arrays;

/** Any bytes: a manifest that is written and read again as the same, or the declared refusal. */
class ManifestFuzzTest {
  @FuzzTest(maxDuration = "30s")
  void parse(byte[] json) {
    Manifest manifest;
    try {
      manifest = Manifest.parse(json);
    } catch (RegistryException.Corrupt refused) {
      return;
    }
    byte[] written = manifest.toJson();
    if (!Arrays.equals(written, Manifest.parse(written).toJson())) {
      throw new AssertionError("a manifest that does not read as it was written");
    }
  }
}
