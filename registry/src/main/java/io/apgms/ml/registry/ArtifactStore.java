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
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The artifact folders {@code <root>/<model>/<version>/}. Blocking: call it off the event loop. */
public final class ArtifactStore {
  static final String MANIFEST = "manifest.json";
  static final String SIGNATURE = "model.sig";
  private static final String MODEL = "model.pt";
  private static final String GOLDEN = "golden.json";
  private static final Set<String> KEPT = Set.of(MODEL, GOLDEN);
  private static final long MAX_MANIFEST_BYTES = 4L << 20;
  private static final long MAX_FILE_BYTES = 256L << 20;
  private static final long MAX_ARTIFACT_BYTES = 512L << 20;
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
   * Reads every file of an artifact once and checks each against the manifest. It does not say that
   * this is the artifact that was deployed: use {@link #load(String, String, String)} for that.
   *
   * @throws RegistryException.NotFound when there is no such folder
   * @throws RegistryException.Corrupt naming the file and what did not match
   */
  public VerifiedArtifact load(String model, String version) {
    return load(folder(model, version), model, version, null);
  }

  /**
   * Reads and checks as {@link #load(String, String)} does, and refuses an artifact that is intact
   * but another one.
   *
   * @param digest {@code sha256:…} of the manifest that was deployed
   */
  public VerifiedArtifact load(String model, String version, String digest) {
    return load(folder(model, version), model, version, Text.requireDigest(digest));
  }

  private Path folder(String model, String version) {
    Path ofModel = root.resolve(Names.requireModel(model));
    Path folder = ofModel.resolve(Names.requireVersion(version));
    if (!Files.isDirectory(ofModel, LinkOption.NOFOLLOW_LINKS)
        || !Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      throw new RegistryException.NotFound(
          "no artifact " + model + "/" + version + " in the registry");
    }
    return folder;
  }

  private static VerifiedArtifact load(
      Path folder, String model, String version, @Nullable String deployed) {
    byte[] manifestBytes = read(folder.resolve(MANIFEST), MANIFEST, MAX_MANIFEST_BYTES);
    String digest = "sha256:" + sha256(manifestBytes);
    if (deployed != null && !deployed.equals(digest)) {
      throw new RegistryException.Corrupt(
          MANIFEST + " has digest " + digest + ", expected " + deployed + " as deployed");
    }
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
    requireSameNames(manifest, names(folder));
    Map<String, byte[]> kept = new HashMap<>();
    long budget = MAX_ARTIFACT_BYTES;
    for (Manifest.FileEntry entry : manifest.files()) {
      byte[] bytes = verified(folder, entry, Math.min(MAX_FILE_BYTES, budget));
      budget -= bytes.length;
      if (KEPT.contains(entry.name())) {
        kept.put(entry.name(), bytes);
      }
    }
    return new VerifiedArtifact(
        manifest, digest, require(kept, MODEL), GoldenRow.parse(require(kept, GOLDEN)));
  }

  /** Every file but manifest and signature stands in the manifest once, and the other way round. */
  private static void requireSameNames(Manifest manifest, Set<String> inFolder) {
    Set<String> unnamed = new TreeSet<>(inFolder);
    unnamed.remove(MANIFEST);
    unnamed.remove(SIGNATURE);
    for (Manifest.FileEntry entry : manifest.files()) {
      if (!unnamed.remove(entry.name())) {
        throw new RegistryException.Corrupt(
            entry.name() + " stands in the manifest, expected once and in the folder");
      }
    }
    if (!unnamed.isEmpty()) {
      throw new RegistryException.Corrupt(
          unnamed + " in the folder, expected only what the manifest names");
    }
  }

  private static byte[] verified(Path folder, Manifest.FileEntry entry, long maxBytes) {
    byte[] bytes = read(folder.resolve(entry.name()), entry.name(), maxBytes);
    if (bytes.length != entry.size()) {
      throw new RegistryException.Corrupt(
          entry.name() + " has " + bytes.length + " bytes, expected " + entry.size());
    }
    String actual = sha256(bytes);
    if (!actual.equals(entry.sha256())) {
      throw new RegistryException.Corrupt(
          entry.name() + " has SHA-256 " + actual + ", expected " + entry.sha256());
    }
    return bytes;
  }

  private static Set<String> names(Path folder) {
    Set<String> names = new HashSet<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      for (Path entry : entries) {
        if (names.size() == MAX_FILES) {
          throw new RegistryException.Corrupt("more than " + MAX_FILES + " files in the folder");
        }
        String name = String.valueOf(entry.getFileName());
        names.add(name);
        requirePlainFile(entry, name);
      }
    } catch (IOException | DirectoryIteratorException e) {
      throw unreadable("the folder", e);
    }
    return names;
  }

  private static BasicFileAttributes requirePlainFile(Path file, String name) throws IOException {
    BasicFileAttributes attributes =
        Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    if (!attributes.isRegularFile()) {
      throw new RegistryException.Corrupt(name + " is a link or a folder, expected a plain file");
    }
    return attributes;
  }

  /** The only place where bytes are read; a file that grows meanwhile is cut at the bound. */
  private static byte[] read(Path file, String name, long maxBytes) {
    OpenOption[] noLinks = {StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS};
    try {
      long size = requirePlainFile(file, name).size();
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

  /** Without the exception's text, which holds paths. */
  private static RegistryException.Corrupt unreadable(String what, Exception e) {
    return new RegistryException.Corrupt(what + " cannot be read: " + e.getClass().getSimpleName());
  }

  private static byte[] require(Map<String, byte[]> files, String name) {
    byte[] bytes = files.get(name);
    if (bytes == null) {
      throw new RegistryException.Corrupt(name + " is missing in the manifest");
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
    } catch (IOException | DirectoryIteratorException e) {
      throw unreadable("the registry", e);
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
