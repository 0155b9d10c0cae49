package io.apgms.ml.gateway.http;

import java.nio.charset.StandardCharsets;

/** What the fuzz targets hold. */
final class Refused {
  private Refused() {}

  static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new AssertionError(otherwise);
    }
  }

  static void requireClients(Problem problem) {
    require(problem.status() >= 400 && problem.status() < 500, "status " + problem.status());
    require(problem.detail().length() < 1_000, "a detail of unbounded length");
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
