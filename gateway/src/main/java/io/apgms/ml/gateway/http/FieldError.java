package io.apgms.ml.gateway.http;

/**
 * One refused part of a request.
 *
 * @param pointer JSON Pointer (RFC 6901) into the body, or the name of a parameter or header
 * @param detail the offending and the expected value
 */
public record FieldError(String pointer, String detail) {
  /** At most 64 characters of what a caller sent, quoted, with everything unprintable replaced. */
  public static String quote(String text) {
    String cut = text.length() > 64 ? text.substring(0, 64) + "…" : text;
    return "'" + cut.replaceAll("[^\\x20-\\x7e…]", "?") + "'";
  }

  /** A name as a reference token of a JSON Pointer. */
  public static String token(String name) {
    String cut = name.length() > 64 ? name.substring(0, 64) + "…" : name;
    return cut.replaceAll("[^\\x20-\\x7e…]", "?").replace("~", "~0").replace("/", "~1");
  }
}
