package io.apgms.ml.gateway.audit;

import io.apgms.ml.registry.AuditHead;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Exported heads in a folder that no role of the database can write: a file a UTC day, a line a
 * minute, each on disk before it counts. The newest 550 files are kept. Blocking; one thread at a
 * time.
 */
public final class HeadFiles {
  /** Eighteen months of days: as long as decisions may be kept. */
  private static final int MAX_FILES = 550;

  private final Path dir;
  private final HeadKey key;
  private Optional<SignedHead> last;

  private HeadFiles(Path dir, HeadKey key, Optional<SignedHead> last) {
    this.dir = dir;
    this.key = key;
    this.last = last;
  }

  /**
   * Opens the folder, made if it is not there.
   *
   * @throws IOException also where its newest head is not signed by the key
   */
  public static HeadFiles open(Path dir, HeadKey key) throws IOException {
    Files.createDirectories(dir);
    Files.writeString(dir.resolve("audit-head.pub"), key.publicPem());
    List<Path> files = files(dir);
    Optional<SignedHead> last = Optional.empty();
    for (int i = files.size() - 1; i >= 0 && last.isEmpty(); i--) {
      List<SignedHead> heads = whole(files.get(i));
      last = heads.isEmpty() ? Optional.empty() : Optional.of(heads.get(heads.size() - 1));
    }
    if (last.isPresent() && !HeadKey.verifies(key.publicPem(), last.get())) {
      throw new IOException(
          "the newest exported audit head is not signed by keys/audit-head.key, expected the folder"
              + " of heads that belongs to this data folder");
    }
    return new HeadFiles(dir, key, last);
  }

  /** The head exported last. */
  public synchronized Optional<SignedHead> last() {
    return last;
  }

  /** Signs a head and puts it on disk. */
  public synchronized SignedHead append(AuditHead head, Instant at) throws IOException {
    SignedHead signed = new SignedHead(head, at, key.sign(SignedHead.signed(head, at)));
    LocalDate day = at.atZone(ZoneOffset.UTC).toLocalDate();
    Path file = dir.resolve("heads-" + day + ".ndjson");
    boolean fresh = !Files.exists(file);
    try (FileChannel out =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      out.position(wholeBytes(out)); // over what a killed process left of a line
      ByteBuffer line = ByteBuffer.wrap((signed.line() + "\n").getBytes(StandardCharsets.UTF_8));
      while (line.hasRemaining()) {
        out.write(line);
      }
      out.truncate(out.position());
      out.force(true);
    }
    if (fresh) {
      bound();
    }
    last = Optional.of(signed);
    return signed;
  }

  private static long wholeBytes(FileChannel file) throws IOException {
    ByteBuffer one = ByteBuffer.allocate(1);
    for (long end = file.size(); end > 0; end--) {
      file.read(one.clear(), end - 1);
      if (one.get(0) == '\n') {
        return end;
      }
    }
    return 0;
  }

  private void bound() throws IOException {
    List<Path> files = files(dir);
    for (Path old : files.subList(0, Math.max(0, files.size() - MAX_FILES))) {
      Files.delete(old);
    }
  }

  /** The first exported head that covers an entry; empty before the next export. */
  public synchronized Optional<SignedHead> covering(long seq) throws IOException {
    List<Path> files = files(dir);
    int i = files.size();
    while (i > 0 && firstSeq(files.get(i - 1)) > seq) {
      i--;
    }
    for (i = Math.max(0, i - 1); i < files.size(); i++) {
      for (SignedHead head : whole(files.get(i))) {
        if (head.head().seq() >= seq) {
          return Optional.of(head);
        }
      }
    }
    return Optional.empty();
  }

  private static long firstSeq(Path file) throws IOException {
    try (BufferedReader in = Files.newBufferedReader(file)) {
      String line = in.readLine();
      return line == null ? 0 : SignedHead.parse(line).head().seq();
    } catch (IllegalArgumentException e) {
      return 0; // half a line
    }
  }

  /** The heads of a file but what a killed process left of a line. */
  private static List<SignedHead> whole(Path file) throws IOException {
    String text = Files.readString(file);
    List<SignedHead> heads = new ArrayList<>();
    for (String line : text.substring(0, text.lastIndexOf('\n') + 1).lines().toList()) {
      try {
        heads.add(SignedHead.parse(line));
      } catch (IllegalArgumentException e) {
        throw new IOException(file.getFileName() + ": " + e.getMessage(), e);
      }
    }
    return heads;
  }

  static List<Path> files(Path dir) throws IOException {
    try (Stream<Path> all = Files.list(dir)) {
      return all.filter(p -> p.getFileName().toString().matches("heads-[0-9-]{10}[.]ndjson"))
          .sorted()
          .toList();
    }
  }
}
