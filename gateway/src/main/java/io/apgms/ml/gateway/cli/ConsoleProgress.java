package io.apgms.ml.gateway.cli;

import io.apgms.ml.training.Progress;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;

/** A progress bar a step on standard error, on a terminal only. */
final class ConsoleProgress implements Progress, AutoCloseable {
  private final boolean terminal = CommandLine.Help.Ansi.AUTO.enabled();
  private String step = "";
  private @Nullable ProgressBar bar;

  @Override
  public void report(String step, int done, int total) {
    if (!terminal) {
      return;
    }
    if (bar == null || !step.equals(this.step)) {
      end();
      this.step = step;
      bar = new ProgressBarBuilder().setTaskName(step).setInitialMax(total).build();
    }
    bar.stepTo(done);
  }

  /** Takes the bar away, so that lines can be printed; the next report brings another one. */
  void end() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
  }

  @Override
  public void close() {
    end();
  }
}
