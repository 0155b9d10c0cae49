package io.apgms.ml.gateway.cli;

import io.apgms.ml.gateway.DataDir;
import io.apgms.ml.gateway.database.EmbeddedDatabase;
import io.apgms.ml.gateway.settings.Settings;
import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

@Command(
    name = "database",
    description = {
      "Run the embedded PostgreSQL of ML_DATA_DIR by itself, on loopback, until it is ended: for",
      "several replicas on one machine. Prints what they need as ML_DATABASE_URL."
    },
    footer = {
      "",
      "Examples:",
      "  bin/ml-service database",
      "  ML_DATA_DIR=/tmp/shared bin/ml-service database"
    })
final class DatabaseCommand implements Callable<Integer> {
  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Override
  public Integer call() throws IOException, InterruptedException {
    Settings settings = Settings.read(MlService.home(), System.getenv());
    DataDir data = DataDir.take(settings.data().dir());
    EmbeddedDatabase database = EmbeddedDatabase.start(data.path());
    Runtime.getRuntime().addShutdownHook(new Thread(() -> close(database, data), "shutdown"));
    spec.commandLine()
        .getOut()
        .println("postgresql://postgres:postgres@" + database.address().toString());
    spec.commandLine().getOut().flush();
    new CountDownLatch(1).await(); // until the process is ended
    return 0;
  }

  private static void close(EmbeddedDatabase database, DataDir data) {
    try {
      database.close();
      data.close();
    } catch (IOException e) {
      System.err.println("ml-service: PostgreSQL did not stop cleanly: " + e.getMessage());
    }
  }
}
