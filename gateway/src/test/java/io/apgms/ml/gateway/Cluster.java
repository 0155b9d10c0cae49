package io.apgms.ml.gateway;

import io.apgms.ml.gateway.database.Database;
import io.apgms.ml.gateway.database.EmbeddedDatabase;
import io.apgms.ml.registry.ArtifactStore;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.stream.Stream;

/**
 * PostgreSQL's data folder, made and migrated once for all tests and copied for each: to make one
 * takes three seconds of a start.
 */
final class Cluster {
  private static final Path TARGET = RunningService.HOME.resolve("gateway/target");

  private Cluster() {}

  /** One over a folder that is not there yet. */
  static EmbeddedPostgres.Builder at(Path folder) throws IOException, InterruptedException {
    copyTo(folder);
    return EmbeddedPostgres.builder()
        .setDataDirectory(folder)
        .setCleanDataDirectory(false)
        .setPort(RunningService.freePort());
  }

  /** Copies it to a folder that is not there yet; its parents are readable by their owner alone. */
  static void copyTo(Path folder) throws IOException, InterruptedException {
    Path made = made();
    Files.createDirectories(
        folder.getParent(),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    run("cp", "-a", made.toString(), folder.toString());
  }

  /** By one thread of one process, of what is in the sources now. */
  private static synchronized Path made() throws IOException, InterruptedException {
    Path made = TARGET.resolve("test-cluster-" + key());
    try (FileChannel file =
            FileChannel.open(
                TARGET.resolve("test-cluster.lock"),
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
        FileLock lock = file.lock()) {
      if (lock.isValid() && !Files.exists(made)) {
        Path draft = Files.createTempDirectory(TARGET, "cluster");
        try (EmbeddedDatabase database = EmbeddedDatabase.start(draft)) {
          Database.migrate(database.address());
        }
        Files.move(draft.resolve("postgres"), made);
        run("rm", "-rf", draft.toString());
      }
    }
    return made;
  }

  /** Of the migrations, and of the versions of everything. */
  private static String key() throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(Files.readAllBytes(RunningService.HOME.resolve("pom.xml")));
    for (String module : new String[] {"registry", "feedback-verticle"}) {
      Path migrations = RunningService.HOME.resolve(module + "/src/main/resources/db");
      try (Stream<Path> files = Files.walk(migrations)) {
        for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
          all.writeBytes(Files.readAllBytes(file));
        }
      }
    }
    return ArtifactStore.sha256(all.toByteArray()).substring(0, 16);
  }

  private static void run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).inheritIO().start();
    if (process.waitFor() != 0) {
      throw new IOException(String.join(" ", command) + " ended with " + process.exitValue());
    }
  }
}
