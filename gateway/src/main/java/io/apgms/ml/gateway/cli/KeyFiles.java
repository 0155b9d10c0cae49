package io.apgms.ml.gateway.cli;

import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.signature.SigningKey;
import io.apgms.ml.registry.signature.VerifyingKey;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** Keys as PEM files; a private one is readable by its owner alone. */
final class KeyFiles {
  private KeyFiles() {}

  /** {@code release.pem} beside {@code release.pub.pem}. */
  static Path publicBeside(Path privateKey) {
    String name = String.valueOf(privateKey.getFileName());
    String stem = name.endsWith(".pem") ? name.substring(0, name.length() - 4) : name;
    return privateKey.resolveSibling(stem + ".pub.pem");
  }

  /** Makes a pair; a file that is there already is never written over. */
  static VerifyingKey make(Path privateKey) throws IOException {
    SigningKey.Pair pair = SigningKey.Pair.generate();
    Path parent = privateKey.toAbsolutePath().getParent();
    if (parent != null) {
      Files.createDirectories(parent);
    }
    try {
      Files.createFile(
          privateKey,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.writeString(privateKey, pair.signing().pem());
      Files.writeString(publicBeside(privateKey), pair.verifying().pem());
    } catch (FileAlreadyExistsException e) {
      throw new Failure(
          Failure.NO, e.getFile() + " is there already, expected the name of a new file");
    }
    return pair.verifying();
  }

  static SigningKey signing(Path file) throws IOException {
    try {
      return SigningKey.parse(text(file));
    } catch (RegistryException.Invalid e) {
      throw new Failure(
          Failure.USAGE,
          file
              + ": "
              + e.getMessage()
              + "; `openssl pkcs8 -topk8 -nocrypt` turns other spellings into it");
    }
  }

  static VerifyingKey verifying(Path file) throws IOException {
    try {
      return VerifyingKey.parse(text(file));
    } catch (RegistryException.Invalid e) {
      throw new Failure(Failure.USAGE, file + ": " + e.getMessage());
    }
  }

  private static String text(Path file) throws IOException {
    try {
      return Files.readString(file, StandardCharsets.ISO_8859_1);
    } catch (NoSuchFileException e) {
      throw new Failure(Failure.USAGE, file + " is not there, expected a PEM file");
    }
  }
}
