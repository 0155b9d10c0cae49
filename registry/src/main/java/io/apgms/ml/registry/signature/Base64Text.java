package io.apgms.ml.registry.signature;

import java.util.Base64;
import org.jspecify.annotations.Nullable;

/** Base64 (RFC 4648, section 4) with one spelling only: padded, and no stray bits at the end. */
final class Base64Text {
  private Base64Text() {}

  static String of(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }

  /** The bytes; null for another alphabet, missing padding or stray bits. */
  static byte @Nullable [] decode(String text) {
    try {
      byte[] bytes = Base64.getDecoder().decode(text);
      return of(bytes).equals(text) ? bytes : null;
    } catch (IllegalArgumentException e) {
      return null;
    }
  }
}
