package io.apgms.ml.gateway;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Binaries that tools/install-go-tool.sh builds. */
final class GoTool {
  private GoTool() {}

  /** Builds it where it is not there; the path of its binary. */
  static Path install(String name) throws Exception {
    Process script =
        new ProcessBuilder(RunningService.HOME.resolve("tools/install-go-tool.sh").toString(), name)
            .redirectError(Redirect.INHERIT)
            .start();
    String said = new String(script.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (script.waitFor() != 0) {
      throw new IOException(name + " could not be built: " + said);
    }
    return Path.of(said.strip());
  }
}
