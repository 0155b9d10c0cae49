package io.apgms.ml.gateway;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** A PostgreSQL that keeps what it committed, and that a test may kill, freeze and start again. */
final class DurablePostgres implements AutoCloseable {
  private static final Duration BOUND = Duration.ofSeconds(30);

  private final EmbeddedPostgres postgres;
  private final Path cluster;
  private final Path log;
  private Process again;

  private DurablePostgres(EmbeddedPostgres postgres, Path cluster, Path log) {
    this.postgres = postgres;
    this.cluster = cluster;
    this.log = log;
  }

  static DurablePostgres start(Path dir) throws IOException, InterruptedException {
    Path cluster = dir.resolve("cluster");
    Path log = dir.resolve("postgres.log");
    EmbeddedPostgres.Builder builder =
        Cluster.at(cluster)
            .setErrorRedirector(Redirect.appendTo(log.toFile()))
            .setOutputRedirector(Redirect.appendTo(log.toFile()));
    Map.of("fsync", "on", "synchronous_commit", "on", "full_page_writes", "on")
        .forEach(builder::setServerConfig);
    return new DurablePostgres(builder.start(), cluster, log);
  }

  int port() {
    return postgres.getPort();
  }

  String url() {
    return "postgresql://postgres:postgres@127.0.0.1:" + port() + "/postgres";
  }

  String jdbcUrl() {
    return "jdbc:postgresql://127.0.0.1:" + port() + "/postgres?user=postgres&password=postgres";
  }

  String logText() throws IOException {
    return Files.readString(log);
  }

  void execute(String... statements) throws SQLException {
    try (Connection connection = DriverManager.getConnection(jdbcUrl());
        Statement statement = connection.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    }
  }

  long count(String from) throws SQLException {
    try (Connection connection = DriverManager.getConnection(jdbcUrl());
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery("SELECT count(*) FROM " + from)) {
      rows.next();
      return rows.getLong(1);
    }
  }

  private ProcessHandle postmaster() throws IOException {
    String pid = Files.readAllLines(cluster.resolve("postmaster.pid")).get(0).strip();
    return ProcessHandle.of(Long.parseLong(pid)).orElseThrow();
  }

  /** Sends it to every process of the server: STOP freezes it, CONT ends that. */
  void signal(String signal) throws Exception {
    ProcessHandle postmaster = postmaster();
    List<String> command = new ArrayList<>(List.of("kill", "-" + signal));
    command.add(Long.toString(postmaster.pid()));
    postmaster.descendants().forEach(p -> command.add(Long.toString(p.pid())));
    Process kill = new ProcessBuilder(command).redirectErrorStream(true).start();
    kill.getInputStream().readAllBytes();
    kill.waitFor(); // a child that ended by itself meanwhile is no failure
  }

  /** Kills every process of it at once; the command line that {@link #startAgain} needs. */
  List<String> kill() throws Exception {
    ProcessHandle postmaster = postmaster();
    List<ProcessHandle> all = new ArrayList<>(postmaster.descendants().toList());
    String line = Files.readString(Path.of("/proc/" + postmaster.pid() + "/cmdline"));
    signal("STOP"); // none sees another die
    signal("KILL");
    all.add(postmaster);
    for (ProcessHandle process : all) {
      RunningService.await(BOUND, () -> !process.isAlive());
    }
    return Arrays.asList(line.split("\0", -1)).stream().filter(w -> !w.isEmpty()).toList();
  }

  /** By the command line it had, until it answers. */
  void startAgain(List<String> commandLine) throws Exception {
    List<String> command = new ArrayList<>();
    if (System.getProperty("user.name").equals("root")) {
      command.addAll(List.of("unshare", "-U")); // PostgreSQL refuses to run as root
    }
    command.addAll(commandLine);
    again =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(Redirect.appendTo(log.toFile()))
            .start();
    RunningService.await(BOUND, this::answers);
  }

  private boolean answers() {
    try {
      execute("SELECT 1");
      return true;
    } catch (SQLException e) {
      return false;
    }
  }

  /** How often it came up and found that it had been killed. */
  int recoveries() throws IOException {
    return logText().split("automatic recovery in progress", -1).length - 1;
  }

  @Override
  public void close() throws IOException {
    if (again != null) {
      again.toHandle().destroy();
      try {
        again.waitFor();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    postgres.close();
  }
}
