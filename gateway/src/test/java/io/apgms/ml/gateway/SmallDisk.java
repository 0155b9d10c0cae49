package io.apgms.ml.gateway;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A file system of its own, of so many MiB, that can be filled to the last byte. */
final class SmallDisk {
  private final Path at;

  private SmallDisk(Path at) {
    this.at = at;
  }

  /** Mounted as root, or by sudo where that asks for no password: as on the runners of CI. */
  static SmallDisk mount(Path at, int mib) throws IOException, InterruptedException {
    Files.createDirectories(at);
    List<String> mount =
        List.of("mount", "-t", "tmpfs", "-o", "mode=0777,size=" + mib + "m", "tmpfs", "" + at);
    if (run(mount) != 0 && run(sudo(mount)) != 0) {
      throw new AssertionError(
          "a full disk cannot be made here: `" + String.join(" ", mount) + "` needs root or sudo");
    }
    return new SmallDisk(at);
  }

  Path path() {
    return at;
  }

  /** Until nothing more can be written. */
  void fill() throws IOException {
    byte[] block = new byte[1 << 16];
    int size = block.length;
    while (size > 0) {
      try (OutputStream out =
          Files.newOutputStream(
              ballast(),
              java.nio.file.StandardOpenOption.CREATE,
              java.nio.file.StandardOpenOption.APPEND)) {
        for (; ; ) {
          out.write(block, 0, size);
        }
      } catch (IOException e) {
        size /= 2; // no space left for as much as that
      }
    }
  }

  void free() throws IOException {
    Files.delete(ballast());
  }

  private Path ballast() {
    return at.resolve("ballast");
  }

  private static List<String> sudo(List<String> command) {
    List<String> words = new ArrayList<>(List.of("sudo", "-n"));
    words.addAll(command);
    return words;
  }

  private static int run(List<String> command) throws IOException, InterruptedException {
    try {
      return new ProcessBuilder(command).inheritIO().start().waitFor();
    } catch (IOException e) {
      return -1; // there is no such command
    }
  }

  void unmount() throws IOException, InterruptedException {
    List<String> unmount = List.of("umount", "-l", at.toString());
    if (run(unmount) != 0 && run(sudo(unmount)) != 0) {
      throw new AssertionError(at + " stays mounted");
    }
  }
}
