package io.apgms.ml.gateway.audit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.registry.AuditHead;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Base64;

/**
 * The end of the audit chain at a time, as it is exported: one line of JSON.
 *
 * @param at when it was exported, by this machine's clock
 * @param signature Ed25519 (RFC 8032) over {@link #signed()}, in base64
 */
public record SignedHead(AuditHead head, Instant at, String signature) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** The bytes that are signed: four lines of text. */
  static byte[] signed(AuditHead head, Instant at) {
    return ("ml-service audit head\n" + head.seq() + "\n" + head.hash() + "\n" + at + "\n")
        .getBytes(StandardCharsets.UTF_8);
  }

  byte[] signed() {
    return signed(head, at);
  }

  byte[] signatureBytes() {
    return Base64.getDecoder().decode(signature);
  }

  /** The line of JSON. */
  public String line() {
    return JSON.createObjectNode()
        .put("seq", head.seq())
        .put("hash", head.hash())
        .put("at", at.toString())
        .put("signature", signature)
        .toString();
  }

  /**
   * Reads a line.
   *
   * @throws IllegalArgumentException for what {@link #line} would not write
   */
  public static SignedHead parse(String line) {
    JsonNode in = AuditJson.parse(line);
    try {
      SignedHead head =
          new SignedHead(
              new AuditHead(in.path("seq").asLong(-1), AuditJson.hash(in, "hash")),
              Instant.parse(AuditJson.text(in, "at")),
              AuditJson.text(in, "signature"));
      if (head.line().equals(line)) {
        return head;
      }
    } catch (DateTimeException e) {
      // told below
    }
    throw new IllegalArgumentException("a head is not spelt as it is exported");
  }
}
