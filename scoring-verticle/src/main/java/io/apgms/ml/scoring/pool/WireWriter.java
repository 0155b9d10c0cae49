package io.apgms.ml.scoring.pool;

import io.vertx.core.buffer.Buffer;
import java.nio.charset.StandardCharsets;

/** Appends fields to one message. */
final class WireWriter {
  private final Buffer out;

  WireWriter(byte format, byte kind, int sizeHint) {
    this.out = Buffer.buffer(sizeHint).appendByte(format).appendByte(kind);
  }

  WireWriter id(long value) {
    out.appendLong(value);
    return this;
  }

  WireWriter text(String value) {
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    if (bytes.length > Wire.MAX_TEXT_BYTES) {
      throw new IllegalArgumentException(
          bytes.length + " bytes of text, expected at most " + Wire.MAX_TEXT_BYTES);
    }
    out.appendUnsignedShort(bytes.length).appendBytes(bytes);
    return this;
  }

  WireWriter flag(boolean value) {
    return small(value ? 1 : 0);
  }

  WireWriter small(int value) {
    out.appendUnsignedByte((short) value);
    return this;
  }

  WireWriter count(int value) {
    return whole(value);
  }

  WireWriter whole(int value) {
    out.appendInt(value);
    return this;
  }

  WireWriter real(float value) {
    out.appendFloat(value);
    return this;
  }

  WireWriter score(double value) {
    out.appendDouble(value);
    return this;
  }

  Buffer done() {
    return out;
  }
}
