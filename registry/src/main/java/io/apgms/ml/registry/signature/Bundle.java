package io.apgms.ml.registry.signature;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.registry.RegistryException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;

/**
 * {@code model.sig}: a Sigstore bundle v0.3 with a public-key hint and no transparency log, around
 * a DSSE v1 envelope with one signature.
 *
 * @param hint lower-case hex SHA-256 of the signer's public key as PEM; not signed
 * @param payload the in-toto statement, as it was signed
 * @param signature ECDSA, DER
 */
@SuppressWarnings("ArrayRecordComponent") // handed over once; never compared
record Bundle(String hint, byte[] payload, byte[] signature) {
  static final int MAX_BYTES = 256 << 10;
  static final String NAME = "model.sig";
  private static final String MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";
  private static final String PAYLOAD_TYPE = "application/vnd.in-toto+json";

  /** Reads the envelope; what it says is not to be believed before its signature was verified. */
  static Bundle parse(byte[] json) {
    if (json.length > MAX_BYTES) {
      throw new RegistryException.Corrupt(
          NAME + " has " + json.length + " bytes, expected at most " + MAX_BYTES);
    }
    Fields bundle =
        Fields.read(
            NAME,
            json,
            RegistryException.Corrupt::new,
            Set.of("mediaType", "verificationMaterial", "dsseEnvelope"));
    bundle.requireText("mediaType", MEDIA_TYPE);
    Fields material = bundle.object("verificationMaterial", Set.of("publicKey", "tlogEntries"));
    if (material.has("tlogEntries")) {
      material.objects("tlogEntries", 0, Set.of());
    }
    Fields key = material.object("publicKey", Set.of("hint"));
    String hint = key.text("hint", 64);
    if (!hint.matches("[0-9a-f]{64}")) {
      throw key.refused("hint", hint, "64 lower-case hex digits");
    }
    Fields envelope = bundle.object("dsseEnvelope", Set.of("payload", "payloadType", "signatures"));
    envelope.requireText("payloadType", PAYLOAD_TYPE);
    List<Fields> signatures = envelope.objects("signatures", 1, Set.of("sig", "keyid"));
    if (signatures.isEmpty()) {
      throw new RegistryException.Corrupt(NAME + " has no signature, expected one");
    }
    Fields signature = signatures.get(0);
    if (signature.has("keyid")) {
      signature.requireText("keyid", "");
    }
    return new Bundle(hint, bytes(envelope, "payload"), bytes(signature, "sig"));
  }

  private static byte[] bytes(Fields fields, String key) {
    String text = fields.text(key, MAX_BYTES);
    byte[] bytes = Base64Text.decode(text);
    if (bytes == null || bytes.length == 0) {
      throw fields.refused(key, text, "padded base64");
    }
    return bytes;
  }

  /** The bundle on one line, as the Python tool writes it. */
  byte[] toJson() {
    ObjectNode bundle = JsonNodeFactory.instance.objectNode();
    bundle.put("mediaType", MEDIA_TYPE);
    ObjectNode material = bundle.putObject("verificationMaterial");
    material.putObject("publicKey").put("hint", hint);
    material.putArray("tlogEntries");
    ObjectNode envelope = bundle.putObject("dsseEnvelope");
    envelope.put("payload", Base64Text.of(payload)).put("payloadType", PAYLOAD_TYPE);
    envelope
        .putArray("signatures")
        .addObject()
        .put("sig", Base64Text.of(signature))
        .put("keyid", "");
    return bundle.toString().getBytes(StandardCharsets.UTF_8);
  }

  /** What is signed: DSSE's pre-authentication encoding of payload type and payload. */
  static byte[] toBeSigned(byte[] payload) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(
        ("DSSEv1 " + PAYLOAD_TYPE.length() + " " + PAYLOAD_TYPE + " " + payload.length + " ")
            .getBytes(StandardCharsets.US_ASCII));
    out.writeBytes(payload);
    return out.toByteArray();
  }
}
