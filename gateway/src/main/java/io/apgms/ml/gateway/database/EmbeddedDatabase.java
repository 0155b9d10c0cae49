package io.apgms.ml.gateway.database;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** PostgreSQL in the data folder, reachable on loopback only. */
public final class EmbeddedDatabase implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(EmbeddedDatabase.class);
  private static final Duration STOP_BOUND = Duration.ofSeconds(20);

  /** Of postmaster.pid, from 0, as PostgreSQL's miscadmin.h has it (LOCK_FILE_LINE_PORT). */
  private static final int PORT_LINE = 3;

  private final EmbeddedPostgres postgres;

  private EmbeddedDatabase(EmbeddedPostgres postgres) {
    this.postgres = postgres;
  }

  /** Starts it on a free port; a server that an earlier crash left behind is stopped first. */
  public static EmbeddedDatabase start(Path dataDir) throws IOException {
    Path cluster = dataDir.resolve("postgres");
    stopOrphan(cluster);
    Path log = dataDir.resolve("postgres.log");
    // Durable, unlike the library's defaults: what was answered is on disk.
    EmbeddedPostgres postgres =
        EmbeddedPostgres.builder()
            .setDataDirectory(cluster)
            .setOverrideWorkingDirectory(binaries().toFile())
            .setCleanDataDirectory(false)
            .setRegisterShutdownHook(false)
            .setPGStartupWait(Duration.ofSeconds(60))
            .setServerConfig("synchronous_commit", "on")
            .setServerConfig("fsync", "on")
            .setServerConfig("full_page_writes", "on")
            .setServerConfig("listen_addresses", "127.0.0.1")
            .setServerConfig("max_connections", "64")
            .setServerConfig("shared_buffers", "128MB")
            .setServerConfig("max_wal_size", "256MB")
            .setErrorRedirector(Redirect.appendTo(log.toFile()))
            .setOutputRedirector(Redirect.appendTo(log.toFile()))
            .start();
    return new EmbeddedDatabase(postgres);
  }

  /** Where the one that runs in a data folder listens; null where none runs. */
  public static @Nullable DatabaseAddress running(Path dataDir) throws IOException {
    Path pidFile = dataDir.resolve("postgres").resolve("postmaster.pid");
    if (orphan(pidFile).isEmpty()) {
      return null;
    }
    List<String> lines = Files.readAllLines(pidFile);
    if (lines.size() <= PORT_LINE || !lines.get(PORT_LINE).strip().matches("[0-9]{1,5}")) {
      return null; // it is starting
    }
    return address(Integer.parseInt(lines.get(PORT_LINE).strip()));
  }

  /** Whether a data folder holds a database at all. */
  public static boolean exists(Path dataDir) {
    return Files.exists(dataDir.resolve("postgres").resolve("PG_VERSION"));
  }

  private static DatabaseAddress address(int port) {
    return new DatabaseAddress("127.0.0.1", port, "postgres", "postgres", "postgres");
  }

  /** Unpacked once for all data folders: it takes two of the five seconds of a first start. */
  private static Path binaries() {
    return Path.of(System.getProperty("user.home"), ".cache", "ml-service", "postgres");
  }

  public DatabaseAddress address() {
    return address(postgres.getPort());
  }

  /** The caller holds the lock of the data folder, so a live server in it belongs to nobody. */
  private static void stopOrphan(Path cluster) throws IOException {
    Optional<ProcessHandle> orphan = orphan(cluster.resolve("postmaster.pid"));
    if (orphan.isEmpty()) {
      return;
    }
    LOG.info("stopping the PostgreSQL that an earlier run left behind");
    ProcessHandle process = orphan.get();
    process.destroy();
    try {
      process.onExit().get(STOP_BOUND.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException | ExecutionException e) {
      throw new IOException(
          "PostgreSQL process " + process.pid() + " of an earlier run does not stop, end it", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while stopping PostgreSQL", e);
    }
  }

  private static Optional<ProcessHandle> orphan(Path pidFile) throws IOException {
    if (!Files.exists(pidFile)) {
      return Optional.empty();
    }
    List<String> lines = Files.readAllLines(pidFile);
    if (lines.isEmpty() || !lines.get(0).strip().matches("[0-9]{1,9}")) {
      return Optional.empty();
    }
    return ProcessHandle.of(Long.parseLong(lines.get(0).strip()))
        .filter(p -> p.info().command().map(c -> c.endsWith("/postgres")).orElse(false));
  }

  @Override
  public void close() throws IOException {
    postgres.close();
  }
}
