package io.apgms.ml.gateway.audit;

import io.apgms.ml.registry.AuditHead;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Exported heads of a file, or of a folder's files in their order, a line at a time. */
public final class HeadReader {
  private HeadReader() {}

  /**
   * Reads them as they are asked for.
   *
   * @param publicKey file of the key that must have signed each; null takes them as they are
   * @throws IllegalArgumentException while reading, for a line that is no head or not signed by it
   */
  public static Stream<AuditHead> read(Path fileOrFolder, @Nullable Path publicKey)
      throws IOException {
    String key = publicKey == null ? null : Files.readString(publicKey);
    List<Path> files =
        Files.isDirectory(fileOrFolder) ? HeadFiles.files(fileOrFolder) : List.of(fileOrFolder);
    return files.stream()
        .flatMap(HeadReader::lines)
        .map(
            line -> {
              SignedHead head = SignedHead.parse(line);
              if (key != null && !HeadKey.verifies(key, head)) {
                throw new IllegalArgumentException(
                    "head " + head.head().seq() + " is not signed by the key");
              }
              return head.head();
            });
  }

  @SuppressWarnings("StreamResourceLeak") // flatMap closes it
  private static Stream<String> lines(Path file) {
    try {
      return Files.lines(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
