package io.apgms.ml.gateway.cli;

import io.apgms.ml.gateway.settings.SettingsException;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.training.TrainingException;
import java.nio.file.Path;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;

/** {@code bin/ml-service}: the commands, their exit codes and how they fail. */
@Command(
    name = "bin/ml-service",
    mixinStandardHelpOptions = true,
    versionProvider = MlService.Version.class,
    description = "A decision gateway for machine-learning models in regulated companies.",
    subcommands = {
      ServeCommand.class,
      ScoreCommand.class,
      SnapshotCommand.class,
      TrainingCommands.Train.class,
      TrainingCommands.Evaluate.class,
      BiasCommand.class,
      TrainingCommands.Pack.class,
      RegisterCommand.class,
      SignCommand.class,
      KeysCommand.class,
      VerifyCommand.class,
      ReproduceCommand.class,
      PromoteCommand.class,
      TicketCommand.class,
      RetrainingCommand.class,
      DeploymentCommands.Rollback.class,
      DrillCommand.class,
      DeploymentCommands.Pin.class,
      DeploymentCommands.Unpin.class,
      DeploymentCommands.History.class,
      DeploymentCommands.Mode.class,
      DriftCommand.class,
      TrialCommands.class,
      ActionCommands.class,
      ReplicaCommands.class,
      RolloutCommand.class,
      DatabaseCommand.class,
      MigrateCommand.class,
      RetentionCommand.class,
      AuditCommands.class,
      FeedbackCommand.class,
      FlagsCommand.class,
      EvidenceCommand.class,
      IncidentCommand.class,
      ReplayCommand.class,
      TokenCommand.class,
      HelpCommand.class
    },
    footer = {
      "",
      "Exit codes: 0 done, 1 the answer is no, 2 wrong usage, 3 could not be done.",
      "",
      "Examples:",
      "  bin/ml-service serve",
      "  export ML_TOKEN=$(bin/ml-service token --subject ana --role oncall)",
      "  bin/ml-service rollback --model risk-score --reason 'false positives doubled'"
    })
public final class MlService {
  /** What {@link #run} answers when the process goes on serving. */
  public static final int KEEP_RUNNING = -1;

  private MlService() {}

  /** Runs one command line and gives its exit code. */
  public static int run(String... args) {
    CommandLine line = new CommandLine(new MlService());
    line.setUsageHelpAutoWidth(true);
    helpEverywhere(line);
    line.setExecutionExceptionHandler(
        (e, command, parsed) -> {
          command.getErr().println("ml-service: " + e.getMessage());
          return exitCode(e);
        });
    if (args.length == 0) {
      line.usage(line.getErr());
      return Failure.USAGE;
    }
    return line.execute(args);
  }

  private static void helpEverywhere(CommandLine line) {
    for (CommandLine command : line.getSubcommands().values()) {
      command.getCommandSpec().mixinStandardHelpOptions(true);
      helpEverywhere(command);
    }
  }

  private static int exitCode(Exception e) {
    if (e instanceof Failure failure) {
      return failure.exitCode();
    }
    if (e instanceof SettingsException) {
      return Failure.USAGE;
    }
    if (e instanceof RegistryException.Unavailable) {
      return Failure.UNAVAILABLE;
    }
    boolean refused =
        e instanceof RegistryException
            || (e instanceof TrainingException && !(e instanceof TrainingException.DataMissing));
    return refused ? Failure.NO : Failure.UNAVAILABLE;
  }

  /** The folder that holds conf/ and artifacts/. */
  static Path home() {
    return Path.of(System.getProperty("ml.home", ".")).toAbsolutePath().normalize();
  }

  static final class Version implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = MlService.class.getPackage().getImplementationVersion();
      return new String[] {"ml-service " + (version == null ? "(unpackaged)" : version)};
    }
  }
}
