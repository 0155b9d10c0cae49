package io.apgms.ml.scoring.pool;

import io.apgms.ml.scoring.ScoringException;
import io.vertx.core.buffer.Buffer;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Reads fields off one message, each within its bounds and within the message. */
final class WireReader {
  private final Buffer in;
  private int at = 2;

  WireReader(Buffer in, byte format, byte kind) {
    this.in = in;
    if (in.length() < 2 || in.getByte(0) != format || in.getByte(1) != kind) {
      String is =
          in.length() < 2
              ? in.length() + " bytes"
              : "format " + in.getByte(0) + ", kind " + in.getByte(1);
      throw malformed(is, "format " + format + ", kind " + kind);
    }
  }

  ScoringException.Malformed malformed(String actual, String expected) {
    return new ScoringException.Malformed(actual, expected);
  }

  private int take(long bytes) {
    if (bytes > in.length() - at) {
      throw malformed((in.length() - at) + " bytes left", bytes + " or more");
    }
    int from = at;
    at += (int) bytes;
    return from;
  }

  long id() {
    return in.getLong(take(8));
  }

  String text(int maxBytes) {
    int length = in.getUnsignedShort(take(2));
    if (length > maxBytes) {
      throw malformed(length + " bytes of text", "at most " + maxBytes);
    }
    int from = take(length);
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(in.getBytes(from, from + length)))
          .toString();
    } catch (CharacterCodingException e) {
      throw malformed("text that is no UTF-8", "UTF-8");
    }
  }

  boolean flag() {
    int value = small();
    if (value > 1) {
      throw malformed("flag " + value, "0 or 1");
    }
    return value == 1;
  }

  int small() {
    return in.getUnsignedByte(take(1));
  }

  int count(String what, int min, int max) {
    int value = in.getInt(take(4));
    if (value < min || value > max) {
      throw malformed(value + " " + what, min + " to " + max);
    }
    return value;
  }

  float[] reals(int count) {
    int from = take(4L * count);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = in.getFloat(from + 4 * i);
    }
    return values;
  }

  int[] wholes(int count) {
    int from = take(4L * count);
    int[] values = new int[count];
    for (int i = 0; i < count; i++) {
      values[i] = in.getInt(from + 4 * i);
    }
    return values;
  }

  double[] scores(int count) {
    int from = take(8L * count);
    double[] values = new double[count];
    for (int i = 0; i < count; i++) {
      values[i] = in.getDouble(from + 8 * i);
    }
    return values;
  }

  void end() {
    if (at != in.length()) {
      throw malformed((in.length() - at) + " bytes too many", "none");
    }
  }
}
