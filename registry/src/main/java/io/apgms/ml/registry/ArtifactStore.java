package io.apgms.ml.registry;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/** The artifact folders {@code <root>/<model>/<version>/}. Blocking: call it off the event loop. */
public final class ArtifactStore {
  static final String MANIFEST = "manifest.json";
  static final String SIGNATURE = "model.sig";
  private static final String MODEL = "model.pt";
  private static final String GOLDEN = "golden.json";
  private static final long MAX_FILE_BYTES = 256L << 20;
  private static final int MAX_FILES = 64;

  private final Path root;

  public ArtifactStore(Path root) {
    this.root = root;
  }

  /** Model ids that have a folder, sorted. */
  public List<String> models() {
    return folders(root).stream().filter(Names::isModel).toList();
  }

  /** Versions of a model that have a folder, oldest first. */
  public List<String> versions(String model) {
    return folders(root.resolve(Names.requireModel(model))).stream()
        .filter(Names::isVersion)
        .sorted(ArtifactStore::compareVersions)
        .toList();
  }

  /** Orders {@code 20261118} before {@code 20261118-2} before {@code 20261118-10}. */
  public static int compareVersions(String a, String b) {
    int byDay = a.substring(0, 8).compareTo(b.substring(0, 8));
    return byDay != 0 ? byDay : Integer.compare(sameDay(a), sameDay(b));
  }

  private static int sameDay(String version) {
    return version.length() == 8 ? 1 : Integer.parseInt(version.substring(9));
  }

  /**
   * Reads every file of an artifact once and checks each against the manifest.
   *
   * @throws RegistryException.NotFound when there is no such folder
   * @throws RegistryException.Corrupt naming the file and what did not match
   */
  public VerifiedArtifact load(String model, String version) {
    Path folder = root.resolve(Names.requireModel(model)).resolve(Names.requireVersion(version));
    if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      throw new RegistryException.NotFound(
          "no artifact " + model + "/" + version + " in the registry");
    }
    Map<String, byte[]> files = readAll(folder);
    byte[] manifestBytes = require(files, MANIFEST);
    Manifest manifest = Manifest.parse(manifestBytes);
    if (!manifest.model().equals(model) || !manifest.version().equals(version)) {
      throw new RegistryException.Corrupt(
          "manifest.json names "
              + manifest.model()
              + "/"
              + manifest.version()
              + ", expected "
              + model
              + "/"
              + version);
    }
    verify(manifest, files);
    return new VerifiedArtifact(
        manifest,
        "sha256:" + sha256(manifestBytes),
        require(files, MODEL),
        GoldenRow.parse(require(files, GOLDEN)));
  }

  private static void verify(Manifest manifest, Map<String, byte[]> files) {
    Map<String, byte[]> unnamed = new HashMap<>(files);
    unnamed.remove(MANIFEST);
    unnamed.remove(SIGNATURE);
    for (Manifest.FileEntry entry : manifest.files()) {
      byte[] bytes = unnamed.remove(entry.name());
      if (bytes == null) {
        throw new RegistryException.Corrupt(
            entry.name() + " stands in the manifest, expected once in the folder");
      }
      if (bytes.length != entry.size()) {
        throw new RegistryException.Corrupt(
            entry.name() + " has " + bytes.length + " bytes, expected " + entry.size());
      }
      String actual = sha256(bytes);
      if (!actual.equals(entry.sha256())) {
        throw new RegistryException.Corrupt(
            entry.name() + " has SHA-256 " + actual + ", expected " + entry.sha256());
      }
    }
    if (!unnamed.isEmpty()) {
      throw new RegistryException.Corrupt(
          unnamed.keySet().stream().sorted().toList()
              + " in the folder, expected only what the manifest names");
    }
  }

  private static Map<String, byte[]> readAll(Path folder) {
    Map<String, byte[]> files = new HashMap<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      for (Path entry : entries) {
        if (files.size() == MAX_FILES) {
          throw new RegistryException.Corrupt("more than " + MAX_FILES + " files in the folder");
        }
        String name = String.valueOf(entry.getFileName());
        files.put(name, readRegular(entry, name));
      }
    } catch (IOException e) {
      throw new RegistryException.Corrupt("the folder cannot be read: " + e.getMessage());
    }
    return files;
  }

  private static byte[] readRegular(Path file, String name) throws IOException {
    BasicFileAttributes attributes =
        Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    if (!attributes.isRegularFile()) {
      throw new RegistryException.Corrupt(name + " is a link or a folder, expected a plain file");
    }
    if (attributes.size() > MAX_FILE_BYTES) {
      throw new RegistryException.Corrupt(
          name + " has " + attributes.size() + " bytes, expected at most " + MAX_FILE_BYTES);
    }
    OpenOption[] noLinks = {StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS};
    try (InputStream in = Files.newInputStream(file, noLinks)) {
      return in.readNBytes((int) MAX_FILE_BYTES);
    }
  }

  private static byte[] require(Map<String, byte[]> files, String name) {
    byte[] bytes = files.get(name);
    if (bytes == null) {
      throw new RegistryException.Corrupt(name + " is missing");
    }
    return bytes;
  }

  private static List<String> folders(Path parent) {
    List<String> names = new ArrayList<>();
    try (DirectoryStream<Path> entries =
        Files.newDirectoryStream(parent, p -> Files.isDirectory(p, LinkOption.NOFOLLOW_LINKS))) {
      entries.forEach(p -> names.add(String.valueOf(p.getFileName())));
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException e) {
      throw new RegistryException.Corrupt("the registry cannot be read: " + e.getMessage());
    }
    names.sort(null);
    return names;
  }

  /** Lower-case hex SHA-256. */
  public static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
