package io.apgms.ml.gateway.database;

import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;

/** Where PostgreSQL is and who we are there. */
public record DatabaseAddress(
    String host, int port, String database, String user, String password) {

  /**
   * Reads {@code postgresql://user:password@host:port/db}.
   *
   * @throws IllegalArgumentException without the text, since it carries a password
   */
  public static DatabaseAddress parse(String url) {
    URI uri;
    try {
      uri = new URI(url);
    } catch (URISyntaxException e) {
      throw refused("a URL");
    }
    String scheme = String.valueOf(uri.getScheme());
    if (!scheme.equals("postgresql") && !scheme.equals("postgres")) {
      throw refused("the scheme postgresql");
    }
    String userInfo = uri.getRawUserInfo();
    String path = uri.getRawPath();
    if (userInfo == null || uri.getHost() == null || path == null || path.length() < 2) {
      throw refused("a user, a host and a database");
    }
    int colon = userInfo.indexOf(':');
    return new DatabaseAddress(
        uri.getHost(),
        uri.getPort() < 0 ? 5432 : uri.getPort(),
        decode(path.substring(1)),
        decode(colon < 0 ? userInfo : userInfo.substring(0, colon)),
        colon < 0 ? "" : decode(userInfo.substring(colon + 1)));
  }

  private static IllegalArgumentException refused(String expected) {
    return new IllegalArgumentException(
        "setting database.url (ML_DATABASE_URL) is malformed, expected "
            + expected
            + " as in postgresql://user:password@host:port/db");
  }

  private static String decode(String text) {
    return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
  }

  /** The same address for JDBC, without user and password. */
  public String jdbcUrl() {
    return "jdbc:postgresql://" + host + ":" + port + "/" + database;
  }

  /** Without the password. */
  @Override
  public String toString() {
    return host + ":" + port + "/" + database;
  }
}
