package io.apgms.ml.feedback;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Signs as Standard Webhooks 1.0 has it: HMAC-SHA256 over {@code id.timestamp.body}, one signature
 * a secret, so that a receiver may hold the old one or the new one.
 *
 * @see <a href="https://www.standardwebhooks.com">the specification</a>
 */
public final class WebhookSecrets {
  private static final String PREFIX = "whsec_";
  private static final int MIN_BYTES = 24;
  private static final int MAX_BYTES = 64;
  private static final int MAX_SECRETS = 4;
  private static final String ALGORITHM = "HmacSHA256";

  private final List<SecretKeySpec> keys;

  private WebhookSecrets(List<SecretKeySpec> keys) {
    this.keys = List.copyOf(keys);
  }

  /**
   * Reads one to four secrets {@code whsec_<base64 of 24 to 64 bytes>}, with spaces between them.
   *
   * @throws IllegalArgumentException naming what is wrong, never the secret
   */
  public static WebhookSecrets of(String text) {
    List<SecretKeySpec> keys = new ArrayList<>();
    for (String secret : text.strip().split(" +", -1)) {
      if (!secret.startsWith(PREFIX)) {
        throw new IllegalArgumentException("a secret does not begin with " + PREFIX);
      }
      byte[] key = decode(secret.substring(PREFIX.length()));
      if (key.length < MIN_BYTES || key.length > MAX_BYTES) {
        throw new IllegalArgumentException(
            "a secret has " + key.length + " bytes, expected " + MIN_BYTES + " to " + MAX_BYTES);
      }
      keys.add(new SecretKeySpec(key, ALGORITHM));
    }
    if (keys.size() > MAX_SECRETS) {
      throw new IllegalArgumentException(keys.size() + " secrets, expected 1 to " + MAX_SECRETS);
    }
    return new WebhookSecrets(keys);
  }

  private static byte[] decode(String base64) {
    try {
      return Base64.getDecoder().decode(base64);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("a secret is not base64 after " + PREFIX);
    }
  }

  /** The value of {@code webhook-signature}: a {@code v1,<base64>} for each secret. */
  String sign(String id, long epochSeconds, byte[] body) {
    byte[] head = (id + "." + epochSeconds + ".").getBytes(StandardCharsets.UTF_8);
    StringBuilder out = new StringBuilder();
    for (SecretKeySpec key : keys) {
      out.append(out.isEmpty() ? "v1," : " v1,");
      out.append(Base64.getEncoder().encodeToString(hmac(key, head, body)));
    }
    return out.toString();
  }

  private static byte[] hmac(SecretKeySpec key, byte[] head, byte[] body) {
    try {
      Mac mac = Mac.getInstance(ALGORITHM);
      mac.init(key);
      mac.update(head);
      return mac.doFinal(body);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Without the secrets. */
  @Override
  public String toString() {
    return "WebhookSecrets[" + keys.size() + "]";
  }
}
