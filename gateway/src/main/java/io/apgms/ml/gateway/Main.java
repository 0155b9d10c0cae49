package io.apgms.ml.gateway;

import io.apgms.ml.gateway.cli.MlService;

/** Entry point of the one jar. */
public final class Main {
  private Main() {}

  public static void main(String[] args) {
    int exitCode = MlService.run(args);
    if (exitCode != MlService.KEEP_RUNNING) {
      System.exit(exitCode);
    }
  }
}
