package io.apgms.ml.registry;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** The plain files of one folder, each read at most once, by name and within a bound. */
final class ArtifactFolder {
  private static final int MAX_FILES = 64;

  private final Path path;
  private final Set<String> names;

  private ArtifactFolder(Path path, Set<String> names) {
    this.path = path;
    this.names = names;
  }

  /**
   * Lists a folder.
   *
   * @throws RegistryException.Corrupt for a link, a folder or anything else that is no plain file
   *     of its own, for names that differ only in case, and for more than 64 files
   */
  static ArtifactFolder open(Path path) {
    Map<String, String> byLowerCase = new TreeMap<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(path)) {
      for (Path entry : entries) {
        if (byLowerCase.size() == MAX_FILES) {
          throw new RegistryException.Corrupt("more than " + MAX_FILES + " files in the folder");
        }
        String name = String.valueOf(entry.getFileName());
        requirePlainFile(entry, name);
        String twin = byLowerCase.put(name.toLowerCase(Locale.ROOT), name);
        if (twin != null) {
          throw new RegistryException.Corrupt(
              twin
                  + " and "
                  + Names.printable(name)
                  + " differ only in case, expected one of them");
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      throw unreadable("the folder", e);
    }
    return new ArtifactFolder(path, new TreeSet<>(byLowerCase.values()));
  }

  /** Names of all its files, when it was listed. */
  Set<String> names() {
    return new TreeSet<>(names);
  }

  /** The only place where bytes are read; a file that grows meanwhile is cut at the bound. */
  byte[] read(String name, long maxBytes) {
    OpenOption[] noLinks = {StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS};
    Path file = path.resolve(name);
    try {
      long size = requirePlainFile(file, name);
      if (size > maxBytes) {
        throw new RegistryException.Corrupt(
            name + " has " + size + " bytes, expected at most " + maxBytes);
      }
      try (InputStream in = Files.newInputStream(file, noLinks)) {
        return in.readNBytes((int) maxBytes);
      }
    } catch (NoSuchFileException e) {
      throw new RegistryException.Corrupt(name + " is missing");
    } catch (IOException e) {
      throw unreadable(name, e);
    }
  }

  /** Its size in bytes. */
  private static long requirePlainFile(Path file, String name) throws IOException {
    Map<String, Object> attributes =
        Files.readAttributes(file, "unix:isRegularFile,size,nlink", LinkOption.NOFOLLOW_LINKS);
    if (!Boolean.TRUE.equals(attributes.get("isRegularFile"))) {
      throw new RegistryException.Corrupt(
          Names.printable(name) + " is a link or a folder, expected a plain file");
    }
    if (!Integer.valueOf(1).equals(attributes.get("nlink"))) {
      throw new RegistryException.Corrupt(
          Names.printable(name)
              + " has "
              + attributes.get("nlink")
              + " hard links, expected a file of its own");
    }
    return attributes.get("size") instanceof Long size ? size : Long.MAX_VALUE;
  }

  /** Without the exception's text, which holds paths. */
  static RegistryException.Corrupt unreadable(String what, Exception e) {
    return new RegistryException.Corrupt(what + " cannot be read: " + e.getClass().getSimpleName());
  }
}
