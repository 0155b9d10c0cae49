package io.apgms.ml.gateway;

import io.apgms.ml.feedback.LabelledRows;
import io.apgms.ml.gateway.database.DatabaseAddress;
import io.apgms.ml.gateway.database.EmbeddedDatabase;
import io.apgms.ml.gateway.settings.Settings;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The decisions and labels as a command reads them: beside the service, or without one. */
public final class FeatureStore implements AutoCloseable {
  /** Bounds on connecting and on each answer, in seconds. */
  private static final String BOUNDS =
      "?connectTimeout=5&socketTimeout=120&ApplicationName=ml-service-snapshot";

  private final DatabaseAddress address;
  private final Deque<AutoCloseable> parts;

  private FeatureStore(DatabaseAddress address, Deque<AutoCloseable> parts) {
    this.address = address;
    this.parts = parts;
  }

  /**
   * The database of the settings; or the embedded one, which is started where no service runs it.
   *
   * @return null where neither is set nor was ever made: there is no feature store
   * @throws IOException when the embedded one cannot be used
   */
  public static @Nullable FeatureStore open(Settings settings) throws IOException {
    String url = settings.database().url();
    if (!url.isEmpty()) {
      return new FeatureStore(DatabaseAddress.parse(url), new ArrayDeque<>());
    }
    Path dir = settings.data().dir();
    if (!EmbeddedDatabase.exists(dir)) {
      return null;
    }
    DatabaseAddress running = EmbeddedDatabase.running(dir);
    if (running != null) {
      return new FeatureStore(running, new ArrayDeque<>());
    }
    Deque<AutoCloseable> parts = new ArrayDeque<>();
    DataDir data = DataDir.take(dir);
    parts.push(data);
    try {
      EmbeddedDatabase database = EmbeddedDatabase.start(data.path());
      parts.push(database);
      return new FeatureStore(database.address(), parts);
    } catch (IOException e) {
      data.close();
      throw e;
    }
  }

  /**
   * Tells labelled decisions one after another; see {@link LabelledRows#read}.
   *
   * @throws IOException when the database cannot be reached
   */
  public void labelled(LabelledRows.Window window, Consumer<LabelledRows.LabelledRow> told)
      throws IOException {
    try (Connection connection =
        DriverManager.getConnection(
            address.jdbcUrl() + BOUNDS, address.user(), address.password())) {
      LabelledRows.read(connection, window, told);
    } catch (SQLException e) {
      throw new IOException(
          "the feature store at " + address + " cannot be reached, SQLSTATE " + e.getSQLState());
    }
  }

  @Override
  public void close() throws IOException {
    for (AutoCloseable part = parts.poll(); part != null; part = parts.poll()) {
      try {
        part.close();
      } catch (IOException e) {
        throw e;
      } catch (Exception e) {
        throw new IOException("the embedded database does not stop", e);
      }
    }
  }
}
