package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.gateway.database.Database;
import io.apgms.ml.gateway.database.DatabaseAddress;
import io.apgms.ml.gateway.settings.Settings;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import org.flywaydb.core.api.FlywayException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "migrate",
    description = {
      "Bring the tables of ML_DATABASE_URL up to date, and end. `serve` does the same when it starts;",
      "before an upgrade it is done once, for all replicas. Tables that a newer release has brought",
      "further stay as they are. Safe to be run again, and by several at once."
    },
    footer = {
      "",
      "Examples:",
      "  ML_DATABASE_URL=postgresql://ml:secret@db:5432/ml bin/ml-service migrate",
      "  bin/ml-service migrate --json"
    })
final class MigrateCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Option(names = "--json", description = "one JSON object a line")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    Settings settings = Settings.read(MlService.home(), System.getenv());
    if (settings.database().url().isEmpty()) {
      throw new Failure(
          Failure.USAGE,
          "database.url (ML_DATABASE_URL) is empty, expected postgresql://user:password@host:port/db;"
              + " the embedded database is brought up to date by serve");
    }
    DatabaseAddress address = DatabaseAddress.parse(settings.database().url());
    print(migrate(address));
    return 0;
  }

  private static List<Database.Migrated> migrate(DatabaseAddress address) {
    try {
      return Database.migrate(address);
    } catch (FlywayException e) {
      String first = String.valueOf(e.getMessage()).lines().findFirst().orElse("no reason given");
      throw new Failure(Failure.UNAVAILABLE, address + " is not up to date: " + first);
    }
  }

  private void print(List<Database.Migrated> schemas) throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    for (Database.Migrated each : schemas) {
      out.println(
          json
              ? JSON.createObjectNode()
                  .put("schema", each.schema())
                  .put("version", each.version())
                  .put("applied", each.applied())
                  .toString()
              : "%s is at version %s, %d migration(s) applied"
                  .formatted(each.schema(), each.version(), each.applied()));
    }
    out.flush();
  }
}
