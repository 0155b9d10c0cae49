package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * A file in slices of whole lines, from where an earlier run stopped. The position is kept with a
 * hash of all that is before it, so that another file is not taken for the rest of this one.
 */
final class LabelSlices implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int SLICE_BYTES = 4 << 20;
  private static final int LINE_BYTES = 128 << 10; // beyond what the service takes; the rest is cut

  private final Path kept;
  private final InputStream in;
  private final MessageDigest read = sha256();
  private final ByteArrayOutputStream slice = new ByteArrayOutputStream();
  private long line;
  private long offset;
  private boolean atEnd;

  private LabelSlices(Path kept, InputStream in) {
    this.kept = kept;
    this.in = in;
  }

  /**
   * Opens it where {@code kept} says, or at its start.
   *
   * @throws Failure where the part that was committed is not what it was
   */
  static LabelSlices open(Path file, Path kept) throws IOException {
    LabelSlices slices =
        new LabelSlices(kept, new BufferedInputStream(Files.newInputStream(file), 1 << 20));
    if (Files.exists(kept)) {
      slices.resume(file, JSON.readTree(kept.toFile()));
    }
    return slices;
  }

  private void resume(Path file, JsonNode position) throws IOException {
    long until = position.path("byte").asLong();
    byte[] buffer = new byte[1 << 16];
    while (offset < until) {
      int n = in.read(buffer, 0, (int) Math.min(buffer.length, until - offset));
      if (n < 0) {
        break;
      }
      read.update(buffer, 0, n);
      offset += n;
    }
    if (!hash().equals(position.path("sha256").asText())) {
      throw new Failure(
          Failure.USAGE,
          file
              + " is not the file of which "
              + until
              + " bytes were committed, expected it unchanged up to there; --restart begins anew");
    }
    line = position.path("line").asLong();
  }

  /** Reads the next slice; false at the end. */
  boolean next() throws IOException {
    slice.reset();
    int lineStart = 0;
    while (!atEnd) {
      int b = in.read();
      if (b < 0) {
        atEnd = true;
        break;
      }
      offset++;
      read.update((byte) b);
      if (b == '\n' || slice.size() - lineStart < LINE_BYTES) {
        slice.write(b);
      }
      if (b == '\n') {
        lineStart = slice.size();
        if (slice.size() >= SLICE_BYTES) {
          break;
        }
      }
    }
    return slice.size() > 0;
  }

  byte[] bytes() {
    return slice.toByteArray();
  }

  /** Lines before the slice. */
  long line() {
    return line;
  }

  /** Bytes up to the slice's end. */
  long byteOffset() {
    return offset;
  }

  /** Keeps the position behind the slice, for a later run. */
  void committed(long lastLine) throws IOException {
    line = lastLine;
    Path draft = kept.resolveSibling(kept.getFileName() + ".draft");
    Files.writeString(
        draft,
        JSON.createObjectNode()
            .put("line", line)
            .put("byte", offset)
            .put("sha256", hash())
            .toString());
    Files.move(draft, kept, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private String hash() {
    try {
      return HexFormat.of().formatHex(((MessageDigest) read.clone()).digest());
    } catch (CloneNotSupportedException e) {
      throw new IllegalStateException("the JDK's SHA-256 can be cloned", e);
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
