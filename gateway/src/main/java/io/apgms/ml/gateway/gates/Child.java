package io.apgms.ml.gateway.gates;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A command that must end well within its time; what it prints goes to a file. */
final class Child {
  private static final int SHOWN_LINES = 3;

  private Child() {}

  /** It could not be run to a good end: nothing was measured. */
  static final class Failed extends Exception {
    private static final long serialVersionUID = 1L;

    Failed(String message) {
      super(message);
    }
  }

  /**
   * Runs a command in a folder.
   *
   * @param log made anew
   * @throws Failed naming the command's last lines, or its time
   */
  static void run(Path folder, Path log, Duration bound, List<String> command)
      throws IOException, Failed, InterruptedException {
    Process process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    try {
      if (!process.waitFor(bound.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new Failed(command.get(0) + " did not end within " + bound.toSeconds() + " s");
      }
      if (process.exitValue() != 0) {
        throw new Failed(
            command.get(0) + " ended with " + process.exitValue() + ": " + lastLines(log));
      }
    } finally {
      kill(process);
    }
  }

  /** The process and all that it started. */
  static void kill(Process process) {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }

  static String lastLines(Path log) throws IOException {
    List<String> lines = Files.readAllLines(log).stream().filter(l -> !l.isBlank()).toList();
    return String.join(" | ", lines.subList(Math.max(0, lines.size() - SHOWN_LINES), lines.size()));
  }
}
