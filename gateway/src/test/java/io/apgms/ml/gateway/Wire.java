package io.apgms.ml.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Sends requests just as they are put together, malformed paths and lengths among them. */
final class Wire {
  private static final int SILENCE_MS = 30_000;

  /** A request of which each part can be another; {@code uri} may have a query. */
  record Request(String method, String uri, Map<String, String> headers, String body) {
    Request {
      headers = Map.copyOf(headers);
    }

    Request(String method, String uri) {
      this(method, uri, Map.of(), null);
    }

    Request header(String name, String value) {
      Map<String, String> more = new HashMap<>(headers);
      more.put(name, value);
      return new Request(method, uri, more, body);
    }

    Request json(String text) {
      return new Request(method, uri, headers, text).header("Content-Type", "application/json");
    }

    Request json(JsonNode value) {
      return json(value.toString());
    }

    Request uri(String other) {
      return new Request(method, other, headers, body);
    }

    Request token(String token) {
      return header("Authorization", "Bearer " + token);
    }

    /** Without its body where it names a length of its own. */
    private byte[] bytes() {
      StringBuilder head = new StringBuilder(method + " " + uri + " HTTP/1.1\r\n");
      head.append("Host: 127.0.0.1\r\nConnection: close\r\n");
      headers.forEach((name, value) -> head.append(name + ": " + value + "\r\n"));
      String sent = body == null || headers.containsKey("Content-Length") ? "" : body;
      if (!headers.containsKey("Content-Length") && body != null) {
        head.append("Content-Length: " + sent.getBytes(StandardCharsets.UTF_8).length + "\r\n");
      }
      return (head + "\r\n" + sent).getBytes(StandardCharsets.UTF_8);
    }
  }

  private Wire() {}

  /** The answer, over a connection of its own. */
  static Contract.Answer send(int port, Request request) throws IOException {
    String text = RawHttp.send(port, request.bytes(), false, SILENCE_MS).text();
    int end = text.indexOf("\r\n\r\n");
    if (end < 0) {
      throw new AssertionError("no answer to " + request + ": " + text);
    }
    Map<String, String> headers = new TreeMap<>();
    String[] lines = text.substring(0, end).split("\r\n");
    for (int i = 1; i < lines.length; i++) {
      int colon = lines[i].indexOf(':');
      headers.put(
          lines[i].substring(0, colon).toLowerCase(Locale.ROOT),
          lines[i].substring(colon + 1).strip());
    }
    return new Contract.Answer(
        request.method(),
        request.uri().replaceAll("\\?.*", ""),
        Integer.parseInt(lines[0].split(" ")[1]),
        headers,
        text.substring(end + 4).getBytes(StandardCharsets.ISO_8859_1));
  }

  static String text(Contract.Answer answer) {
    return new String(answer.body(), StandardCharsets.UTF_8);
  }
}
