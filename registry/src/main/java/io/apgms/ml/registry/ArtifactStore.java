package io.apgms.ml.registry;

import io.apgms.ml.registry.archive.ModuleArchive;
import io.apgms.ml.registry.signature.ModelSignature;
import io.apgms.ml.registry.signature.ModelSignature.Signed;
import io.apgms.ml.registry.signature.Trust;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The artifact folders {@code <root>/<model>/<version>/}. Blocking: call it off the event loop. */
public final class ArtifactStore {
  static final String MANIFEST = "manifest.json";
  static final String SIGNATURE = "model.sig";
  private static final String MODEL = "model.pt";
  private static final String GOLDEN = "golden.json";

  /** What the gates read. */
  private static final Set<String> REPORTS =
      Set.of(
          "schema.yaml",
          "training_run.json",
          "evaluation.json",
          "bias_report.json",
          "canary.csv.gz");

  private static final long MAX_MANIFEST_BYTES = 4L << 20;
  private static final long MAX_FILE_BYTES = 256L << 20;
  private static final long MAX_REPORT_BYTES = 8L << 20;
  private static final long MAX_ARTIFACT_BYTES = 512L << 20;

  private final Path root;
  private final @Nullable Checks checks;

  /** Who is trusted, asked anew at every load, and what time it is. */
  private record Checks(Supplier<Trust> trust, InstantSource clock) {}

  private ArtifactStore(Path root, @Nullable Checks checks) {
    this.root = root;
    this.checks = checks;
  }

  /**
   * A store that loads only what a trusted key has signed, nobody has revoked, and is valid now.
   *
   * @param trust asked at every load
   */
  public static ArtifactStore trusting(Path root, Supplier<Trust> trust, InstantSource clock) {
    return new ArtifactStore(root, new Checks(trust, clock));
  }

  /** A store that asks for no signature: for what was just made here, and never for serving. */
  public static ArtifactStore withoutSignatures(Path root) {
    return new ArtifactStore(root, null);
  }

  /**
   * Who is trusted now.
   *
   * @throws RegistryException.Invalid when that cannot be read
   */
  public Trust trust() {
    return checks == null ? new Trust(List.of(), List.of()) : checks.trust().get();
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
   * Reads every file of an artifact once, verifies the signature over them, and checks each against
   * the manifest, and looks through the module's archive. It does not say that this is the artifact
   * that was deployed: use {@link #load(String, String, String)} for that.
   *
   * @throws RegistryException.NotFound when there is no such folder
   * @throws RegistryException.Corrupt naming the file and what did not match, or who revoked it
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

  private VerifiedArtifact load(
      Path path, String model, String version, @Nullable String deployed) {
    ArtifactFolder folder = ArtifactFolder.open(path);
    byte[] manifestBytes = folder.read(MANIFEST, MAX_MANIFEST_BYTES);
    String digest = "sha256:" + sha256(manifestBytes);
    if (deployed != null && !deployed.equals(digest)) {
      throw new RegistryException.Corrupt(
          MANIFEST + " has digest " + digest + ", expected " + deployed + " as deployed");
    }
    Instant now = checks == null ? Instant.EPOCH : checks.clock().instant();
    Signed signed = null;
    if (checks != null) {
      Trust trust = checks.trust().get();
      trust.requireUnrevoked(model, version, digest, null);
      // Before anything of the manifest is looked at.
      signed = trust.verify(model, folder.read(SIGNATURE, ModelSignature.MAX_BYTES), now);
      requireSameNames(signed, folder.names());
      requireSigned(signed, MANIFEST, digest.substring(7));
    }
    Manifest manifest = Manifest.parse(manifestBytes);
    requireNamed(manifest, model, version);
    Validity validity = manifest.validity();
    if (checks != null && validity != null && !validity.holds(now)) {
      throw new RegistryException.Corrupt(
          "manifest.json is valid " + validity + ", and now it is " + now);
    }
    requireSameNames(manifest, folder.names());
    Map<String, byte[]> kept = new HashMap<>();
    Map<String, byte[]> reports = new HashMap<>();
    long budget = MAX_ARTIFACT_BYTES;
    for (Manifest.FileEntry entry : manifest.files()) {
      if (signed != null) {
        requireSigned(signed, entry.name(), entry.sha256());
      }
      byte[] bytes = verified(folder, entry, Math.min(MAX_FILE_BYTES, budget));
      budget -= bytes.length;
      if (entry.name().equals(MODEL) || entry.name().equals(GOLDEN)) {
        kept.put(entry.name(), bytes);
      }
      if (REPORTS.contains(entry.name())) {
        reports.put(entry.name(), report(entry.name(), bytes));
      }
    }
    byte[] module = require(kept, MODEL);
    ModuleArchive.check(module);
    return new VerifiedArtifact(
        manifest,
        digest,
        module,
        GoldenRow.parse(require(kept, GOLDEN)),
        reports,
        signed == null ? null : signed.signer().id());
  }

  private static void requireSameNames(Signed signed, Set<String> inFolder) {
    Set<String> unsigned = new TreeSet<>(inFolder);
    unsigned.remove(SIGNATURE);
    for (String name : signed.digests().keySet()) {
      if (!unsigned.remove(name)) {
        throw new RegistryException.Corrupt(name + " is missing, it is signed");
      }
    }
    if (!unsigned.isEmpty()) {
      throw new RegistryException.Corrupt(
          unsigned + " in the folder, expected only what is signed");
    }
  }

  private static void requireSigned(Signed signed, String name, String sha256) {
    String expected = signed.digests().get(name);
    if (!sha256.equals(expected)) {
      throw new RegistryException.Corrupt(
          name + " has SHA-256 " + sha256 + ", expected " + expected + " as signed");
    }
  }

  private static void requireNamed(Manifest manifest, String model, String version) {
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
  }

  /** Every file but manifest and signature stands in the manifest once, and the other way round. */
  private static void requireSameNames(Manifest manifest, Set<String> inFolder) {
    Set<String> unnamed = new TreeSet<>(inFolder);
    unnamed.remove(MANIFEST);
    unnamed.remove(SIGNATURE);
    for (Manifest.FileEntry entry : manifest.files()) {
      if (!unnamed.remove(entry.name())) {
        throw new RegistryException.Corrupt(
            Names.printable(entry.name())
                + " stands in the manifest, expected once and in the folder");
      }
    }
    if (!unnamed.isEmpty()) {
      throw new RegistryException.Corrupt(
          unnamed + " in the folder, expected only what the manifest names");
    }
  }

  private static byte[] verified(ArtifactFolder folder, Manifest.FileEntry entry, long maxBytes) {
    byte[] bytes = folder.read(entry.name(), maxBytes);
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

  /** They stay in memory as long as the artifact does. */
  private static byte[] report(String name, byte[] bytes) {
    if (bytes.length > MAX_REPORT_BYTES) {
      throw new RegistryException.Corrupt(
          name + " has " + bytes.length + " bytes, expected at most " + MAX_REPORT_BYTES);
    }
    return bytes;
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
      throw ArtifactFolder.unreadable("the registry", e);
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
