package io.apgms.ml.registry;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Bounds on what people write into the registry; each refusal names the field and the bound. */
final class Text {
  static final int MAX_REASON = 2_000;
  static final int MAX_ID = 255;
  private static final Pattern DIGEST = Pattern.compile("sha256:[0-9a-f]{64}");

  private Text() {}

  /** Not blank, at most {@code max} code points, without NUL (PostgreSQL text cannot hold it). */
  static String require(String field, @Nullable String value, int max) {
    if (value == null || value.isBlank()) {
      throw new RegistryException.Invalid(
          field + " is blank, expected 1 to " + max + " characters");
    }
    int length = value.codePointCount(0, value.length());
    if (length > max) {
      throw new RegistryException.Invalid(
          field + " has " + length + " characters, expected at most " + max);
    }
    if (value.indexOf('\0') >= 0) {
      throw new RegistryException.Invalid(field + " holds a NUL, expected text");
    }
    return value;
  }

  /** Text that a document can hold and PostgreSQL's jsonb can read: no NUL, no half a pair. */
  static void requireStorable(String field, String value, int max) {
    int length = value.codePointCount(0, value.length());
    if (length > max) {
      throw new RegistryException.Invalid(
          field + " has " + length + " characters, expected at most " + max);
    }
    if (value.codePoints().anyMatch(c -> c == 0 || (c >= 0xd800 && c <= 0xdfff))) {
      throw new RegistryException.Invalid(field + " holds NUL or half a pair, expected text");
    }
  }

  static void optional(String field, @Nullable String value, int max) {
    if (value != null) {
      require(field, value, max);
    }
  }

  static String requireDigest(String digest) {
    if (!DIGEST.matcher(digest).matches()) {
      throw new RegistryException.Invalid("digest is not of the form sha256:<64 hex digits>");
    }
    return digest;
  }
}
