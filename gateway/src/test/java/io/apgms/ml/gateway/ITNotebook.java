package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The notebook that reviewers open: Jupyter's own libraries read it, run it and compare. */
class ITNotebook {
  private static final String CHECK =
      "$(tools/install-python.sh notebook nbformat==5.10.4 nbclient==0.10.2 ipykernel==6.30.1)"
          + " tools/check_notebook.py ";

  @TempDir Path dir;

  @Test
  void evaluation_itsNotebook_isExecutedAndRunsAgainToTheSame() throws Exception {
    String run = dir.resolve("run").toString();
    shell("bin/ml-service train --schema " + SmallRun.schema(dir) + " --out " + run, 0);
    shell("bin/ml-service evaluate --run " + run, 0);
    assertThat(shell(CHECK + run, 0)).contains("3 cells give their stored outputs");
    // The positive control: an output of another number is found.
    Path notebook = dir.resolve("run/evaluation.ipynb");
    Files.writeString(notebook, Files.readString(notebook).replaceFirst("(auc +0\\.)8", "$19"));
    assertThat(shell(CHECK + run, 1)).contains("cell measures holds");
  }

  private static String shell(String script, int expectedExit)
      throws IOException, InterruptedException {
    Process p =
        new ProcessBuilder(List.of("bash", "-c", "set -e\n" + script))
            .directory(RunningService.HOME.toFile())
            .redirectErrorStream(true)
            .start();
    String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(p.waitFor(120, TimeUnit.SECONDS)).isTrue();
    assertThat(p.exitValue()).as(out).isEqualTo(expectedExit);
    return out;
  }
}
