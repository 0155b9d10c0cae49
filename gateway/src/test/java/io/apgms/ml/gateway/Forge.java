package io.apgms.ml.gateway;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.signature.VerifyingKey;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import java.util.Base64;
import java.util.HexFormat;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Signatures as a forger makes them: any statement, any envelope, any key, all signed rightly. */
final class Forge {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String TYPE = "application/vnd.in-toto+json";

  final KeyPair pair;
  private final String algorithm;

  private Forge(KeyPair pair, String algorithm) {
    this.pair = pair;
    this.algorithm = algorithm;
  }

  static Forge of(String curve) throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec(curve));
    String hash =
        switch (curve) {
          case "secp256r1" -> "SHA256";
          case "secp384r1" -> "SHA384";
          default -> "SHA512";
        };
    return new Forge(generator.generateKeyPair(), hash + "withECDSA");
  }

  static Forge of(String algorithm, String signature, int size) throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm);
    if (size > 0) {
      generator.initialize(size);
    }
    return new Forge(generator.generateKeyPair(), signature);
  }

  String publicPem() {
    Base64.Encoder lines = Base64.getMimeEncoder(64, new byte[] {'\n'});
    return "-----BEGIN PUBLIC KEY-----\n"
        + lines.encodeToString(pair.getPublic().getEncoded())
        + "\n-----END PUBLIC KEY-----\n";
  }

  VerifyingKey key() {
    return VerifyingKey.parse(publicPem());
  }

  static SortedMap<String, String> digests(Path folder) throws IOException {
    SortedMap<String, String> digests = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        if (!file.endsWith("model.sig") && Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
          digests.put(
              file.getFileName().toString(), ArtifactStore.sha256(Files.readAllBytes(file)));
        }
      }
    }
    return digests;
  }

  static ObjectNode statement(SortedMap<String, String> digests) throws GeneralSecurityException {
    ObjectNode statement = JSON.createObjectNode();
    statement.put("_type", "https://in-toto.io/Statement/v1");
    MessageDigest root = MessageDigest.getInstance("SHA-256");
    digests.values().forEach(d -> root.update(HexFormat.of().parseHex(d)));
    statement
        .putArray("subject")
        .addObject()
        .put("name", "20261123")
        .putObject("digest")
        .put("sha256", HexFormat.of().formatHex(root.digest()));
    statement.put("predicateType", "https://model_signing/signature/v1.0");
    ObjectNode predicate = statement.putObject("predicate");
    ObjectNode how = predicate.putObject("serialization");
    how.put("method", "files").put("hash_type", "sha256").put("allow_symlinks", false);
    how.putArray("ignore_paths").add("model.sig").add(".git");
    var resources = predicate.putArray("resources");
    digests.forEach(
        (name, digest) ->
            resources
                .addObject()
                .put("name", name)
                .put("algorithm", "sha256")
                .put("digest", digest));
    return statement;
  }

  byte[] sign(String payload) throws GeneralSecurityException {
    byte[] bytes = payload.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream message = new ByteArrayOutputStream();
    message.writeBytes(
        ("DSSEv1 " + TYPE.length() + " " + TYPE + " " + bytes.length + " ")
            .getBytes(StandardCharsets.UTF_8));
    message.writeBytes(bytes);
    Signature signature = Signature.getInstance(algorithm);
    signature.initSign(pair.getPrivate());
    signature.update(message.toByteArray());
    return signature.sign();
  }

  String bundle(String payload) throws GeneralSecurityException {
    return bundle(payload, sign(payload));
  }

  String bundle(String payload, byte[] signature) {
    String hint = ArtifactStore.sha256(publicPem().getBytes(StandardCharsets.US_ASCII));
    ObjectNode bundle = JSON.createObjectNode();
    bundle.put("mediaType", "application/vnd.dev.sigstore.bundle.v0.3+json");
    ObjectNode material = bundle.putObject("verificationMaterial");
    material.putObject("publicKey").put("hint", hint);
    material.putArray("tlogEntries");
    ObjectNode envelope = bundle.putObject("dsseEnvelope");
    Base64.Encoder base64 = Base64.getEncoder();
    envelope
        .put("payload", base64.encodeToString(payload.getBytes(StandardCharsets.UTF_8)))
        .put("payloadType", TYPE);
    envelope
        .putArray("signatures")
        .addObject()
        .put("sig", base64.encodeToString(signature))
        .put("keyid", "");
    return bundle.toString();
  }

  /** The other valid value of s. */
  static byte[] mirrored(byte[] der, BigInteger order) {
    BigInteger r = new BigInteger(der, 4, der[3]);
    BigInteger s = order.subtract(new BigInteger(der, 6 + der[3], der[5 + der[3]]));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    byte[] a = r.toByteArray();
    byte[] b = s.toByteArray();
    out.writeBytes(new byte[] {0x30, (byte) (4 + a.length + b.length), 2, (byte) a.length});
    out.writeBytes(a);
    out.writeBytes(new byte[] {2, (byte) b.length});
    out.writeBytes(b);
    return out.toByteArray();
  }
}
