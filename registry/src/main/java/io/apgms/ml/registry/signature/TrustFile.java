package io.apgms.ml.registry.signature;

import io.apgms.ml.registry.RegistryException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The trust file, read again each time it is asked for: it is small, and what it says must never be
 * older than the last look. Blocking.
 */
public final class TrustFile implements Supplier<Trust> {
  private final Path file;
  private final @Nullable Path developmentKey;

  /**
   * Names the files.
   *
   * @param developmentKey PEM of a public key that may sign everything; null for none, and the file
   *     need not be there
   */
  public TrustFile(Path file, @Nullable Path developmentKey) {
    this.file = file;
    this.developmentKey = developmentKey;
  }

  /**
   * What is trusted now.
   *
   * @throws RegistryException.Invalid when the file cannot be read or is not what it must be
   */
  @Override
  public Trust get() {
    Trust trust = pinned();
    VerifyingKey key = developmentKey();
    return key == null ? trust : trust.withDevelopmentKey(key);
  }

  private Trust pinned() {
    try {
      return Trust.parse(Files.readAllBytes(file));
    } catch (IOException e) {
      throw new RegistryException.Invalid(
          "the trust file cannot be read (" + e.getClass().getSimpleName() + "), expected JSON");
    }
  }

  /** The development key that is trusted besides; null when there is none. */
  public @Nullable VerifyingKey developmentKey() {
    if (developmentKey == null) {
      return null;
    }
    try {
      return VerifyingKey.parse(Files.readString(developmentKey, StandardCharsets.US_ASCII));
    } catch (NoSuchFileException e) {
      return null;
    } catch (IOException e) {
      throw new RegistryException.Invalid(
          "the development key cannot be read: " + e.getClass().getSimpleName());
    }
  }

  /**
   * Changes the file, whole or not at all; one writer at a time is the caller's to see to.
   *
   * @throws RegistryException.Invalid when it would not be readable any more
   */
  public void change(UnaryOperator<Trust> change) throws IOException {
    byte[] json = change.apply(pinned()).toJson();
    Trust.parse(json); // what could not be read again is never written
    Path draft = file.resolveSibling(file.getFileName() + ".draft");
    Files.write(draft, json);
    Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }
}
