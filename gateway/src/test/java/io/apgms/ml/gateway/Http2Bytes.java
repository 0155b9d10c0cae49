package io.apgms.ml.gateway;

import io.vertx.core.buffer.Buffer;
import java.nio.charset.StandardCharsets;

/** Frames of RFC 9113 by hand, also such as no library would send. */
final class Http2Bytes {
  static final int DATA = 0;
  static final int HEADERS = 1;
  static final int PRIORITY = 2;
  static final int RST_STREAM = 3;
  static final int SETTINGS = 4;
  static final int PING = 6;
  static final int GOAWAY = 7;
  static final int WINDOW_UPDATE = 8;
  static final int CONTINUATION = 9;
  static final int END_STREAM = 1;
  static final int ACK = 1;
  static final int END_HEADERS = 4;
  static final int HEADER_BYTES = 9;

  private Http2Bytes() {}

  /** The client's preface, and SETTINGS of one identifier. */
  static Buffer preface(int identifier, int value) {
    Buffer setting = Buffer.buffer().appendShort((short) identifier).appendInt(value);
    return Buffer.buffer("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .appendBuffer(frame(SETTINGS, 0, 0, setting));
  }

  static Buffer frame(int type, int flags, int stream, Buffer payload) {
    return Buffer.buffer()
        .appendMedium(payload.length())
        .appendByte((byte) type)
        .appendByte((byte) flags)
        .appendInt(stream)
        .appendBuffer(payload);
  }

  static Buffer frame(int type, int flags, int stream, int... bytes) {
    Buffer payload = Buffer.buffer();
    for (int b : bytes) {
      payload.appendByte((byte) b);
    }
    return frame(type, flags, stream, payload);
  }

  /** A whole header block; {@code more} is HPACK after the four pseudo-headers. */
  static Buffer request(int stream, boolean end, String method, String path, Buffer more) {
    int flags = END_HEADERS | (end ? END_STREAM : 0);
    return frame(HEADERS, flags, stream, block(method, path).appendBuffer(more));
  }

  static Buffer get(int stream) {
    return request(stream, true, "GET", "/ml/models", Buffer.buffer());
  }

  /** A request whose body is still to come. */
  static Buffer post(int stream) {
    return request(stream, false, "POST", "/ml/score", Buffer.buffer());
  }

  /** RFC 7541: indexed scheme, literals without indexing for the rest. */
  static Buffer block(String method, String path) {
    Buffer block = Buffer.buffer().appendByte((byte) 0x87);
    text(block.appendByte((byte) 2), method);
    text(block.appendByte((byte) 4), path);
    text(block.appendByte((byte) 1), "127.0.0.1");
    return block;
  }

  /** A literal header without indexing, its name in text. */
  static Buffer header(String name, String value) {
    return text(text(Buffer.buffer().appendByte((byte) 0), name), value);
  }

  private static Buffer text(Buffer to, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    if (bytes.length < 127) {
      to.appendByte((byte) bytes.length);
    } else {
      int rest = bytes.length - 127; // RFC 7541, 5.1
      to.appendByte((byte) 127);
      for (; rest >= 128; rest >>= 7) {
        to.appendByte((byte) ((rest & 127) | 128));
      }
      to.appendByte((byte) rest);
    }
    return to.appendBytes(bytes);
  }

  static Buffer windowUpdate(int stream, int increment) {
    return frame(WINDOW_UPDATE, 0, stream, Buffer.buffer().appendInt(increment));
  }

  static Buffer reset(int stream) {
    return frame(RST_STREAM, 0, stream, Buffer.buffer().appendInt(8));
  }
}
