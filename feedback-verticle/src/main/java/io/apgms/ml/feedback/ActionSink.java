package io.apgms.ml.feedback;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;

/**
 * Where actions are sent.
 *
 * @param id the host and eight hex digits of the URL's SHA-256: stable, and without the path, which
 *     often is a secret
 * @param host as it is named, without brackets
 * @param path with its query
 */
public record ActionSink(String id, String host, int port, boolean tls, String path) {
  private static final int MAX_URL = 2_048;
  private static final int MARK = 8;

  /**
   * Reads an absolute URL.
   *
   * @param allowHttp also takes http
   * @throws IllegalArgumentException naming what is wrong, never the URL
   */
  public static ActionSink of(String url, boolean allowHttp) {
    URI uri = parse(url);
    String scheme = String.valueOf(uri.getScheme()).toLowerCase(Locale.ROOT);
    boolean tls = scheme.equals("https");
    require(
        tls || (allowHttp && scheme.equals("http")),
        "its scheme is not https (http is for private sinks)");
    require(uri.getHost() != null, "it names no host");
    require(uri.getUserInfo() == null, "it holds a user");
    require(uri.getFragment() == null, "it holds a fragment");
    int port = uri.getPort() == -1 ? (tls ? 443 : 80) : uri.getPort();
    require(port >= 1 && port <= 65_535, "its port is not in 1 to 65535");
    String host = uri.getHost().replaceAll("^\\[|]$", "").toLowerCase(Locale.ROOT);
    String path = uri.getRawPath().isEmpty() ? "/" : uri.getRawPath();
    String query = uri.getRawQuery() == null ? "" : "?" + uri.getRawQuery();
    return new ActionSink(host + "-" + mark(url), host, port, tls, path + query);
  }

  private static URI parse(String url) {
    require(url.length() <= MAX_URL, "it is longer than " + MAX_URL + " characters");
    try {
      return new URI(url);
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException("it is no URL");
    }
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException(otherwise);
    }
  }

  private static String mark(String url) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(url.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(hash).substring(0, MARK);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The stable id of an action's event at this sink. */
  String eventId(String predictionId, String kind) {
    return predictionId + "-" + kind + "-" + id.substring(id.length() - MARK);
  }

  /** The same of a stored row, in SQL: alias o of the outbox, d of the delivery. */
  static final String EVENT_ID_SQL =
      "o.prediction_id::text || '-' || o.kind || '-' || right(d.sink, " + MARK + ")";

  /** Without the path. */
  @Override
  public String toString() {
    return id;
  }
}
