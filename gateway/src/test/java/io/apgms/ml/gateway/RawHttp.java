package io.apgms.ml.gateway;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Bytes as they are, over a connection of their own; no client library mends them. */
final class RawHttp {
  private static final Pattern LENGTH = Pattern.compile("(?im)^content-length: *([0-9]+)$");

  /**
   * What came back.
   *
   * @param statuses of the responses, in order; 100 is left out
   * @param closed whether the server closed the connection
   */
  record Answer(List<Integer> statuses, boolean closed, String text) {}

  private RawHttp() {}

  /**
   * Sends bytes, says that no more come where {@code half}, and reads until the server closes or is
   * silent for {@code silenceMs}.
   */
  static Answer send(int port, byte[] bytes, boolean half, int silenceMs) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout(silenceMs);
      boolean closed = false;
      ByteArrayOutputStream in = new ByteArrayOutputStream();
      try {
        socket.getOutputStream().write(bytes);
        if (half) {
          socket.shutdownOutput();
        }
        InputStream from = socket.getInputStream();
        byte[] chunk = new byte[65_536];
        int n = from.read(chunk);
        while (n >= 0) {
          in.write(chunk, 0, n);
          n = from.read(chunk);
        }
        closed = true;
      } catch (SocketTimeoutException e) {
        closed = false; // the server waits for more
      } catch (SocketException e) {
        closed = true; // reset: closed while it was sent to
      }
      String text = in.toString(StandardCharsets.ISO_8859_1);
      return new Answer(statuses(text), closed, text);
    }
  }

  /** Walks the responses by their lengths, so that a body that looks like one is not counted. */
  static List<Integer> statuses(String text) {
    List<Integer> statuses = new ArrayList<>();
    int at = 0;
    while (at < text.length()) {
      int end = text.indexOf("\r\n\r\n", at);
      if (end < 0 || !text.startsWith("HTTP/", at)) {
        throw new AssertionError("no response at " + at + " of: " + text);
      }
      String head = text.substring(at, end + 2);
      int status = Integer.parseInt(head.substring(head.indexOf(' ') + 1, head.indexOf(' ') + 4));
      if (status != 100) {
        statuses.add(status);
      }
      Matcher length = LENGTH.matcher(head);
      at = end + 4 + (length.find() ? Integer.parseInt(length.group(1)) : 0);
    }
    return statuses;
  }
}
