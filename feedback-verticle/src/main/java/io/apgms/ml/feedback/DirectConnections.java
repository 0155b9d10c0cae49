package io.apgms.ml.feedback;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Properties;

/**
 * JDBC connections beside the pool, for work that is long: COPY, backfill, export, retention,
 * redaction. Blocking: never on an event loop.
 */
final class DirectConnections {
  private static final String CONNECT_SECONDS = "5";

  private final FeedbackOptions options;

  DirectConnections(FeedbackOptions options) {
    this.options = options;
  }

  /**
   * Opens one in autocommit.
   *
   * @param name shown in pg_stat_activity
   * @param answerSeconds bound on each answer of the server
   */
  Connection open(String name, int answerSeconds) throws SQLException {
    Properties login = new Properties();
    login.setProperty("user", options.user());
    login.setProperty("password", options.password());
    login.setProperty("ApplicationName", name);
    login.setProperty("connectTimeout", CONNECT_SECONDS);
    login.setProperty("loginTimeout", CONNECT_SECONDS);
    login.setProperty("socketTimeout", Integer.toString(answerSeconds));
    login.setProperty("tcpKeepAlive", "true");
    return DriverManager.getConnection(options.jdbcUrl(), login);
  }
}
