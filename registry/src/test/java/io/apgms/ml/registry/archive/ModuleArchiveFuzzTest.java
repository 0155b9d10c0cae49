package io.apgms.ml.registry.archive;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.apgms.ml.registry.RegistryException;

/** Any bytes: looked through, or the declared refusal. */
class ModuleArchiveFuzzTest {
  @FuzzTest(maxDuration = "30s")
  void check(byte[] archive) {
    try {
      ModuleArchive.check(archive);
    } catch (RegistryException.Corrupt refused) {
      // as declared
    }
  }
}
