package io.apgms.ml.registry.signature;

import io.apgms.ml.registry.RegistryException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One PEM block (RFC 7468), lines of 64. */
final class Pem {
  private static final Pattern BLOCK =
      Pattern.compile(
          "\\s*-----BEGIN ([A-Z0-9 ]{1,40})-----\\r?\\n"
              + "([A-Za-z0-9+/=\\r\\n]{1,8192})-----END \\1-----\\s*");
  private static final Base64.Encoder LINES =
      Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII));

  private Pem() {}

  static byte[] decode(String type, String pem) {
    Matcher block = BLOCK.matcher(pem);
    if (!block.matches()) {
      throw new RegistryException.Invalid("no PEM, expected one block " + type);
    }
    if (!block.group(1).equals(type)) {
      throw new RegistryException.Invalid("a PEM block " + block.group(1) + ", expected " + type);
    }
    byte[] der = Base64Text.decode(block.group(2).replaceAll("[\\r\\n]", ""));
    if (der == null) {
      throw new RegistryException.Invalid("the PEM block " + type + " is not base64");
    }
    return der;
  }

  static String encode(String type, byte[] der) {
    return "-----BEGIN "
        + type
        + "-----\n"
        + LINES.encodeToString(der)
        + "\n-----END "
        + type
        + "-----\n";
  }
}
