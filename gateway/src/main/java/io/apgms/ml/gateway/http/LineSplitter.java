package io.apgms.ml.gateway.http;

import java.io.ByteArrayOutputStream;

/**
 * Cuts a stream of bytes into lines that end in LF, with or without CR before it. Memory holds one
 * line of the bound at most: what is longer is passed over to its end, and told.
 */
final class LineSplitter {
  /** Told of each line in order. */
  interface Lines {
    /**
     * A line, without its end.
     *
     * @param number from 1
     */
    void line(long number, byte[] bytes);

    /** A line of more bytes than the bound. */
    void tooLong(long number);
  }

  private final int maxBytes;
  private final Lines lines;
  private final ByteArrayOutputStream open = new ByteArrayOutputStream();
  private boolean skipping;
  private boolean begun;
  private long number;

  /**
   * @param before lines that went before the first
   */
  LineSplitter(int maxBytes, long before, Lines lines) {
    this.maxBytes = maxBytes;
    this.number = before;
    this.lines = lines;
  }

  void take(byte[] bytes) {
    int start = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '\n') {
        keep(bytes, start, i);
        end();
        start = i + 1;
      }
    }
    keep(bytes, start, bytes.length);
  }

  private void keep(byte[] bytes, int from, int to) {
    if (from == to) {
      return;
    }
    begun = true;
    if (skipping || open.size() + (to - from) > maxBytes + 1) { // one for a CR
      skipping = true;
      open.reset();
    } else {
      open.write(bytes, from, to - from);
    }
  }

  private void end() {
    number++;
    byte[] line = open.toByteArray();
    int length = line.length > 0 && line[line.length - 1] == '\r' ? line.length - 1 : line.length;
    if (skipping || length > maxBytes) {
      lines.tooLong(number);
    } else {
      lines.line(number, length == line.length ? line : java.util.Arrays.copyOf(line, length));
    }
    open.reset();
    skipping = false;
    begun = false;
  }

  /** The stream is over; what follows the last LF is a line too. */
  void finish() {
    if (begun) {
      end();
    }
  }

  /** Lines so far, those before the first included. */
  long number() {
    return number;
  }
}
