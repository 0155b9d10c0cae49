package io.apgms.ml.gateway.cli;

import io.apgms.ml.gateway.Artifacts;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.Names;
import io.apgms.ml.registry.Validity;
import java.nio.file.Path;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What every command says of the candidate that it makes. */
final class CandidateOptions {
  private static final int MAX_DAYS = 36_500;

  @Option(names = "--version", required = true, description = "YYYYMMDD in UTC+10, or YYYYMMDD-n")
  private String version = "";

  @Option(
      names = "--out",
      description = "folder of candidates (default: candidates/ beside the registry)")
  private @Nullable Path out;

  @Option(
      names = "--valid-days",
      description = "how long it may be loaded, from today on (default: ${DEFAULT-VALUE})")
  private int validDays = 730;

  /** Before any work: whether they are what they must be. */
  void require() {
    if (!Names.isVersion(version)) {
      throw new Failure(
          Failure.USAGE, "--version '" + version + "', expected YYYYMMDD or YYYYMMDD-n");
    }
    if (validDays < 1 || validDays > MAX_DAYS) {
      throw new Failure(
          Failure.USAGE, "--valid-days is " + validDays + ", expected from 1 to " + MAX_DAYS);
    }
  }

  String version() {
    return version;
  }

  /** From now on. */
  Validity validity() {
    return Validity.ofDays(Instant.now(), validDays);
  }

  /** Where it goes. */
  Path root() {
    return out == null
        ? Artifacts.candidates(Settings.read(MlService.home(), System.getenv()))
        : out;
  }
}
