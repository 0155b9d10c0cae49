package io.apgms.ml.registry;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * A candidate's way into the registry: copied into a folder that nothing reads, synced, verified as
 * it lies there, and made the published folder by one rename. Blocking.
 */
public final class Publication implements AutoCloseable {
  private static final String STAGING = ".staging-";
  private static final Duration ABANDONED = Duration.ofHours(1);
  private static final int MAX_FILES = 66; // of the manifest, itself and the signature
  private static final long MAX_BYTES = 512L << 20;

  private final Path root;
  private final Path staging;
  private final Function<Path, ArtifactStore> stores;
  private final VerifiedArtifact artifact;

  private Publication(
      Path root, Path staging, Function<Path, ArtifactStore> stores, VerifiedArtifact artifact) {
    this.root = root;
    this.staging = staging;
    this.stores = stores;
    this.artifact = artifact;
  }

  /**
   * Copies and verifies a candidate.
   *
   * @param candidates folder of {@code <model>/<version>}
   * @param root the registry, on the file system that the copy is made on
   * @param stores a store over a folder; it verifies as the one that serves does
   * @throws RegistryException.NotFound when there is no such candidate
   * @throws RegistryException.Corrupt when the copy is not what its manifest says
   */
  public static Publication stage(
      Path candidates,
      Path root,
      Function<Path, ArtifactStore> stores,
      String model,
      String version) {
    Path ofModel = candidates.resolve(Names.requireModel(model));
    Path from = ofModel.resolve(Names.requireVersion(version));
    if (!Files.isDirectory(ofModel, LinkOption.NOFOLLOW_LINKS)
        || !Files.isDirectory(from, LinkOption.NOFOLLOW_LINKS)) {
      throw new RegistryException.NotFound("no candidate " + model + "/" + version);
    }
    removeAbandoned(root);
    Path staging = root.resolve(STAGING + UUID.randomUUID());
    try {
      Path to = Files.createDirectories(staging.resolve(model).resolve(version));
      copy(from, to);
      return new Publication(root, staging, stores, stores.apply(staging).load(model, version));
    } catch (IOException e) {
      delete(staging);
      throw new UncheckedIOException("the candidate cannot be copied", e);
    } catch (RuntimeException e) {
      delete(staging);
      throw e;
    }
  }

  /** What was verified, as it lies in the copy. */
  public VerifiedArtifact artifact() {
    return artifact;
  }

  /**
   * Makes the copy the published folder. Nothing is done where the very artifact is published
   * already.
   *
   * @throws RegistryException.Conflict when another artifact is published under the name
   */
  public void publish() {
    String model = artifact.manifest().model();
    String version = artifact.manifest().version();
    Path ofModel = root.resolve(model);
    Path target = ofModel.resolve(version);
    try {
      Files.createDirectories(ofModel);
      Files.move(staging.resolve(model).resolve(version), target, StandardCopyOption.ATOMIC_MOVE);
      sync(ofModel);
    } catch (IOException e) {
      if (!Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS)) {
        throw new UncheckedIOException("the artifact cannot be published", e);
      }
      requireSame(model, version); // a folder that is not empty is never replaced
    }
  }

  private void requireSame(String model, String version) {
    try {
      stores.apply(root).load(model, version, artifact.digest());
    } catch (RegistryException.Corrupt e) {
      throw new RegistryException.Conflict(
          "another artifact is published as "
              + model
              + "/"
              + version
              + ", expected none or the same: "
              + e.getMessage());
    }
  }

  /** Removes what was not published. */
  @Override
  public void close() {
    delete(staging);
  }

  private static void copy(Path from, Path to) throws IOException {
    long budget = MAX_BYTES;
    for (Path file : files(from)) {
      String name = String.valueOf(file.getFileName());
      BasicFileAttributes attributes =
          Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      if (!attributes.isRegularFile() || attributes.size() > budget) {
        throw new RegistryException.Corrupt(
            name + " is no plain file of the at most " + MAX_BYTES + " bytes an artifact may have");
      }
      budget -= attributes.size();
      try (InputStream in =
              Files.newInputStream(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
          FileChannel out =
              FileChannel.open(
                  to.resolve(name), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        in.transferTo(java.nio.channels.Channels.newOutputStream(out));
        out.force(true);
      }
    }
    sync(to);
  }

  private static List<Path> files(Path folder) throws IOException {
    List<Path> files = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      for (Path entry : entries) {
        if (files.size() == MAX_FILES) {
          throw new RegistryException.Corrupt(
              "more than " + MAX_FILES + " files in the candidate's folder");
        }
        files.add(entry);
      }
    }
    return files;
  }

  private static void sync(Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /** What a process that was killed has left. */
  private static void removeAbandoned(Path root) {
    Instant before = Instant.now().minus(ABANDONED);
    try (DirectoryStream<Path> old = Files.newDirectoryStream(root, STAGING + "*")) {
      for (Path folder : old) {
        if (Files.getLastModifiedTime(folder, LinkOption.NOFOLLOW_LINKS)
            .toInstant()
            .isBefore(before)) {
          delete(folder);
        }
      }
    } catch (NoSuchFileException e) {
      // no registry yet
    } catch (IOException e) {
      throw new UncheckedIOException("the registry cannot be read", e);
    }
  }

  private static void delete(Path folder) {
    try (Stream<Path> all = Files.walk(folder)) { // does not follow links
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (NoSuchFileException e) {
      // nothing was made
    } catch (IOException e) {
      throw new UncheckedIOException("a staging folder cannot be removed", e);
    }
  }
}
