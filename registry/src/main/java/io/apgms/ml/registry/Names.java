package io.apgms.ml.registry;

import java.util.regex.Pattern;

/** Model ids and versions: identifiers, never paths. */
public final class Names {
  private static final Pattern MODEL = Pattern.compile("[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?");
  private static final Pattern VERSION = Pattern.compile("[0-9]{8}(-[1-9][0-9]{0,2})?");

  private Names() {}

  public static boolean isModel(String name) {
    return MODEL.matcher(name).matches();
  }

  public static boolean isVersion(String version) {
    return VERSION.matcher(version).matches();
  }

  static String requireModel(String name) {
    if (!isModel(name)) {
      throw new RegistryException.Invalid(
          "model id '" + printable(name) + "', expected 1 to 64 of a-z, 0-9 and '-'");
    }
    return name;
  }

  static String requireVersion(String version) {
    if (!isVersion(version)) {
      throw new RegistryException.Invalid(
          "version '" + printable(version) + "', expected YYYYMMDD or YYYYMMDD-n");
    }
    return version;
  }

  /** At most 64 characters of what a caller sent, with everything unprintable replaced. */
  static String printable(String text) {
    String cut = text.length() > 64 ? text.substring(0, 64) + "…" : text;
    return cut.replaceAll("[^\\x20-\\x7e…]", "?");
  }
}
