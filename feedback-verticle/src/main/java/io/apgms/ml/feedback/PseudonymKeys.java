package io.apgms.ml.feedback;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.temporal.IsoFields;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Pseudonyms by HMAC-SHA256 (RFC 2104) under a key for each quarter of the year, kept in files of
 * their own, outside the database. The same text of the same kind has one pseudonym in a quarter;
 * without its key nobody can tell which text that was. Blocking; one thread.
 *
 * <p>The quarter is that of the decision, so that a decision and its labels always agree.
 */
final class PseudonymKeys {
  private static final int KEY_BYTES = 32;
  private static final int SHOWN_BYTES = 16;
  private static final String ALGORITHM = "HmacSHA256";

  private final Path dir;
  private final Map<String, Mac> macs = new HashMap<>();

  PseudonymKeys(Path dir) {
    this.dir = dir;
  }

  /** The quarter of a decision, as in {@code 2026Q4}. */
  static String period(UUID prediction) {
    var at = Instant.ofEpochMilli(Decision.ms(prediction)).atOffset(ZoneOffset.UTC);
    return at.getYear() + "Q" + at.get(IsoFields.QUARTER_OF_YEAR);
  }

  /** {@code p2026Q4-} and 128 bits in hex. */
  String pseudonym(String period, String kind, String text) {
    byte[] mac = mac(period, kind, text.getBytes(StandardCharsets.UTF_8));
    return "p" + period + "-" + HexFormat.of().formatHex(mac, 0, SHOWN_BYTES);
  }

  /** All 32 bytes. */
  byte[] mac(String period, String kind, byte[] text) {
    Mac mac = macs.computeIfAbsent(period, this::open);
    mac.update(kind.getBytes(StandardCharsets.UTF_8));
    mac.update((byte) 0);
    return mac.doFinal(text);
  }

  private Mac open(String period) {
    try {
      Mac mac = Mac.getInstance(ALGORITHM);
      mac.init(new SecretKeySpec(key(period), ALGORITHM));
      return mac;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java platform has " + ALGORITHM, e);
    } catch (IOException e) {
      throw new FeedbackException.Unavailable(
          "the key of " + period + " cannot be read or made: " + e.getClass().getSimpleName(), e);
    }
  }

  /** Made with its first use, whole or not at all. */
  private byte[] key(String period) throws IOException {
    Path file = dir.resolve(period + ".key");
    if (!Files.exists(file)) {
      make(file);
    }
    byte[] key = HexFormat.of().parseHex(Files.readString(file).strip());
    if (key.length != KEY_BYTES) {
      throw new IOException(file + " has " + key.length + " bytes, expected " + KEY_BYTES);
    }
    return key;
  }

  private void make(Path file) throws IOException {
    Files.createDirectories(
        dir, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    byte[] key = new byte[KEY_BYTES];
    new SecureRandom().nextBytes(key);
    Path draft =
        Files.createTempFile(
            dir,
            "new",
            ".draft",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      Files.writeString(draft, HexFormat.of().formatHex(key));
      Files.createLink(file, draft); // unlike a move, never over another's key
    } catch (FileAlreadyExistsException e) {
      // made by another replica at this moment
    } finally {
      Files.delete(draft);
    }
  }
}
