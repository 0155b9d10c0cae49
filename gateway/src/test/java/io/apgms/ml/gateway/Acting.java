package io.apgms.ml.gateway;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** Settings of a service that acts. */
final class Acting {
  private Acting() {}

  /** Writes the shipped flags with that variant, in place of what was there. */
  static Path flags(Path file, String variant) throws IOException {
    String shipped = Files.readString(RunningService.HOME.resolve("conf/flags.json"));
    return Files.writeString(file, shipped.replace("observe", variant));
  }

  /** Every high score is held; {@code act.json} in that folder says so. */
  static Map<String, String> settings(Path dir) throws IOException {
    Map<String, String> settings = new HashMap<>();
    settings.put("ML_FLAGS_FILE", flags(dir.resolve("act.json"), "act").toString());
    settings.put("ML_ACTION_CAP", "1000000");
    return settings;
  }

  /** The same, over a database of the test's own. */
  static Map<String, String> settings(Path dir, String databaseUrl) throws IOException {
    Map<String, String> settings = settings(dir);
    settings.put("ML_DATABASE_URL", databaseUrl);
    return settings;
  }

  /** The same, and holds go to that receiver. */
  static Map<String, String> settings(Path dir, String databaseUrl, ReceivingSink sink)
      throws IOException {
    Map<String, String> settings = settings(dir, databaseUrl);
    settings.put("ML_ACTION_SINKS", sink.url());
    settings.put("ML_ACTION_SECRET", ReceivingSink.SECRET);
    settings.put("ML_ACTION_ALLOW_PRIVATE", "true");
    return settings;
  }

  /** Of the user that every embedded PostgreSQL has. */
  static String url(int port) {
    return url(port, "postgres");
  }

  static String url(int port, String database) {
    return "postgresql://postgres:postgres@127.0.0.1:" + port + "/" + database;
  }
}
