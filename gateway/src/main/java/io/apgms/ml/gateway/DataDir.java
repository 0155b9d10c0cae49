package io.apgms.ml.gateway;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.UUID;

/** The data folder, held by one process at a time. */
public final class DataDir implements AutoCloseable {
  private final Path path;
  private final FileChannel lockFile;

  private DataDir(Path path, FileChannel lockFile) {
    this.path = path;
    this.lockFile = lockFile;
  }

  private static final FileAttribute<?> OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  /** Takes the folder, making it on first use; refused while another process has it. */
  public static DataDir take(Path path) throws IOException {
    Files.createDirectories(path, OWNER_ONLY);
    FileChannel channel =
        FileChannel.open(path.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    FileLock lock = null;
    try {
      lock = channel.tryLock();
    } catch (OverlappingFileLockException e) {
      // held by this very process
    }
    if (lock == null) {
      channel.close();
      throw new IOException(
          "the data folder is in use by another ml-service, expected one of its own (ML_DATA_DIR)");
    }
    return new DataDir(path, channel);
  }

  public Path path() {
    return path;
  }

  /** An id that stays with the folder. */
  String replicaId() throws IOException {
    Path file = path.resolve("replica-id");
    try {
      Files.writeString(file, "replica-" + UUID.randomUUID(), StandardOpenOption.CREATE_NEW);
    } catch (FileAlreadyExistsException e) {
      // made before
    }
    return Files.readString(file).strip();
  }

  @Override
  public void close() throws IOException {
    lockFile.close(); // releases the lock
  }
}
