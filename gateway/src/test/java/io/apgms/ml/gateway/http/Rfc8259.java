package io.apgms.ml.gateway.http;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * The grammar of RFC 8259 and nothing else, by recursive descent: what the readers are judged by.
 * Takes any depth up to a bound, any number, any key twice, and escapes of lone surrogates.
 */
final class Rfc8259 {
  private static final int MAX_DEPTH = 500;

  private final String text;
  private int at;

  private Rfc8259(String text) {
    this.text = text;
  }

  /** Whether the bytes are one JSON text in UTF-8 without a byte order mark. */
  static boolean accepts(byte[] bytes) {
    String text;
    try {
      text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      return false;
    }
    Rfc8259 reader = new Rfc8259(text);
    return reader.value(0) && reader.at == text.length();
  }

  private boolean value(int depth) {
    blanks();
    boolean ok =
        switch (peek()) {
          case '{' -> depth < MAX_DEPTH && list('}', depth, true);
          case '[' -> depth < MAX_DEPTH && list(']', depth, false);
          case '"' -> string();
          case 't' -> word("true");
          case 'f' -> word("false");
          case 'n' -> word("null");
          default -> number();
        };
    blanks();
    return ok;
  }

  private boolean list(char end, int depth, boolean keys) {
    at++;
    blanks();
    if (take(end)) {
      return true;
    }
    do {
      if (keys) {
        blanks();
        if (!string()) {
          return false;
        }
        blanks();
        if (!take(':')) {
          return false;
        }
      }
      if (!value(depth + 1)) {
        return false;
      }
    } while (take(','));
    return take(end);
  }

  private boolean string() {
    if (!take('"')) {
      return false;
    }
    while (at < text.length() && peek() >= ' ') {
      char c = text.charAt(at++);
      if (c == '"') {
        return true;
      }
      if (c == '\\' && !escape()) {
        return false;
      }
    }
    return false;
  }

  private boolean escape() {
    char c = peek();
    at++;
    if (c != 'u') {
      return c != 0 && "\"\\/bfnrt".indexOf(c) >= 0;
    }
    for (int i = 0; i < 4; i++) {
      if (Character.digit(peek(), 16) < 0 || peek() > 'f') {
        return false;
      }
      at++;
    }
    return true;
  }

  private boolean number() {
    take('-');
    if (!take('0') && !digits()) {
      return false;
    }
    if (take('.') && !digits()) {
      return false;
    }
    if (take('e') || take('E')) {
      at += peek() == '+' || peek() == '-' ? 1 : 0;
      return digits();
    }
    return true;
  }

  private boolean digits() {
    int from = at;
    while (peek() >= '0' && peek() <= '9') {
      at++;
    }
    return at > from;
  }

  private boolean word(String word) {
    boolean ok = text.startsWith(word, at);
    at += ok ? word.length() : 0;
    return ok;
  }

  private void blanks() {
    while (at < text.length() && " \t\r\n".indexOf(peek()) >= 0) {
      at++;
    }
  }

  private boolean take(char c) {
    boolean ok = at < text.length() && text.charAt(at) == c;
    at += ok ? 1 : 0;
    return ok;
  }

  private char peek() {
    return at < text.length() ? text.charAt(at) : 0;
  }
}
