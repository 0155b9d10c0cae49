package io.apgms.ml.gateway.http;

import com.code_intelligence.jazzer.junit.FuzzTest;

/** A planted bug, for {@code tools/fuzz.sh} to find: without its property there is none. */
class PlantedFuzzTest {
  @FuzzTest(maxDuration = "30s")
  void read(byte[] body) {
    boolean reached = body.length > 2 && body[0] == 'b' && body[1] == 'u' && body[2] == 'g';
    if (reached && Boolean.getBoolean("fuzz.planted")) {
      throw new IllegalStateException("the planted bug");
    }
  }
}
