package io.apgms.ml.registry.signature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.RegistryException;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPairGenerator;
import java.security.spec.AlgorithmParameterSpec;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.NamedParameterSpec;
import java.security.spec.RSAKeyGenParameterSpec;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelSignatureTest {
  private static final SigningKey.Pair PAIR = SigningKey.Pair.generate();
  private static final List<VerifyingKey> KEYS = List.of(PAIR.verifying());
  private static final String A = "a".repeat(64);
  private static final String B = "b".repeat(64);
  private static final SortedMap<String, String> FILES =
      new TreeMap<>(Map.of("manifest.json", A, "model.pt", B));

  private static byte[] signed() {
    return ModelSignature.sign("20261123", FILES, PAIR.signing(), KEYS);
  }

  /** A bundle whose statement was changed before it was signed, by the very key that is pinned. */
  private static byte[] signed(UnaryOperator<String> change) {
    String payload = new String(new Statement("20261123", FILES).toJson(), StandardCharsets.UTF_8);
    String changed = change.apply(payload);
    assertThat(changed).isNotEqualTo(payload);
    byte[] bytes = changed.getBytes(StandardCharsets.UTF_8);
    byte[] signature = PAIR.signing().sign(Bundle.toBeSigned(bytes));
    return new Bundle(PAIR.verifying().hint(), bytes, signature).toJson();
  }

  private static void assertRefused(byte[] modelSig, String... texts) {
    assertThatThrownBy(() -> ModelSignature.verify(modelSig, KEYS))
        .isInstanceOf(RegistryException.Corrupt.class)
        .hasMessageStartingWith("model.sig")
        .hasMessageContainingAll(texts);
  }

  @ParameterizedTest
  @ValueSource(strings = {"secp256r1", "secp384r1"})
  void verify_whatWasSigned_givesTheFilesAndTheSigner(String curve) {
    SigningKey.Pair pair = SigningKey.Pair.generate(curve);
    SigningKey fromPem = SigningKey.parse(pair.signing().pem());
    VerifyingKey publicFromPem = VerifyingKey.parse(pair.verifying().pem());
    byte[] modelSig =
        ModelSignature.sign("v", FILES, fromPem, List.of(PAIR.verifying(), publicFromPem));

    ModelSignature.Signed signed =
        ModelSignature.verify(modelSig, List.of(PAIR.verifying(), pair.verifying()));

    assertThat(signed.digests()).isEqualTo(FILES);
    assertThat(signed.signer().id()).isEqualTo(pair.verifying().id()).startsWith("sha256:");
  }

  @Test
  void sign_keyThatIsNotPinned_isInvalid() {
    SigningKey.Pair other = SigningKey.Pair.generate();
    assertThatThrownBy(() -> ModelSignature.sign("v", FILES, other.signing(), KEYS))
        .isInstanceOf(RegistryException.Invalid.class)
        .hasMessageContaining(PAIR.verifying().id());
  }

  @Test
  void verify_byAKeyThatIsNotPinned_isRefused() {
    assertThatThrownBy(
            () -> ModelSignature.verify(signed(), List.of(SigningKey.Pair.generate().verifying())))
        .isInstanceOf(RegistryException.Corrupt.class)
        .hasMessageContaining("expected one of [sha256:");
    assertThatThrownBy(() -> ModelSignature.verify(signed(), List.of()))
        .isInstanceOf(RegistryException.Corrupt.class);
  }

  @Test
  void verify_anotherKeysSignatureUnderThisHint_isRefused() {
    byte[] payload = new Statement("v", FILES).toJson();
    byte[] theirs = SigningKey.Pair.generate().signing().sign(Bundle.toBeSigned(payload));
    assertRefused(
        new Bundle(PAIR.verifying().hint(), payload, theirs).toJson(), "not a signature by");
  }

  @Test
  void verify_bothValidValuesOfS_areTaken() {
    BigInteger order =
        new BigInteger("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16);
    Bundle bundle = Bundle.parse(signed());
    byte[] der = bundle.signature();
    int rLength = der[3];
    BigInteger r = new BigInteger(der, 4, rLength);
    BigInteger s = new BigInteger(der, 6 + rLength, der[5 + rLength]);
    byte[] mirrored = der(r, order.subtract(s));

    assertThat(
            ModelSignature.verify(
                    new Bundle(bundle.hint(), bundle.payload(), mirrored).toJson(), KEYS)
                .digests())
        .isEqualTo(FILES);
    for (byte[] odd :
        List.of(
            der(r, s.add(order)),
            der(r, BigInteger.ZERO),
            der(BigInteger.ZERO, BigInteger.ZERO),
            der(r.negate(), s),
            der(r, order))) {
      assertRefused(
          new Bundle(bundle.hint(), bundle.payload(), odd).toJson(), "not a signature by");
    }
  }

  private static byte[] der(BigInteger r, BigInteger s) {
    byte[] a = r.toByteArray();
    byte[] b = s.toByteArray();
    byte[] der = new byte[6 + a.length + b.length];
    der[0] = 0x30;
    der[1] = (byte) (4 + a.length + b.length);
    der[2] = 2;
    der[3] = (byte) a.length;
    System.arraycopy(a, 0, der, 4, a.length);
    der[4 + a.length] = 2;
    der[5 + a.length] = (byte) b.length;
    System.arraycopy(b, 0, der, 6 + a.length, b.length);
    return der;
  }

  @Test
  void isSignature_everyOtherSpelling_isRefused() {
    byte[] der = der(BigInteger.TEN, BigInteger.TWO);
    assertThat(Curve.P256.isSignature(der)).isTrue();
    for (int length = 0; length < der.length; length++) {
      assertThat(Curve.P256.isSignature(Arrays.copyOf(der, length))).isFalse();
    }
    assertThat(Curve.P256.isSignature(Arrays.copyOf(der, der.length + 1))).isFalse();
    for (byte[] odd :
        new byte[][] {
          {0x30, (byte) 0x81, 6, 2, 1, 10, 2, 1, 2}, // a long length
          {0x30, 7, 2, 2, 0, 10, 2, 1, 2}, // a zero too many
          {0x31, 6, 2, 1, 10, 2, 1, 2},
          {0x30, 6, 3, 1, 10, 2, 1, 2},
          {0x30, 4, 2, 0, 2, 0},
          {0x30, 9, 2, 1, 10, 2, 1, 2, 2, 1, 2},
          {0x30, 6, 2, (byte) 0x81, 10, 2, 1, 2}
        }) {
      assertThat(Curve.P256.isSignature(odd)).isFalse();
    }
  }

  @Test
  void verify_thousandRandomByteFlips_areAllRefused() {
    byte[] good = signed();
    for (int i = 0; i < 1_000; i++) {
      SplittableRandom random = new SplittableRandom(20261124L + i);
      byte[] bad = good.clone();
      bad[random.nextInt(bad.length)] ^= (byte) (1 + random.nextInt(255));
      assertThatThrownBy(() -> ModelSignature.verify(bad, KEYS))
          .as("seed %d", 20261124L + i)
          .isInstanceOf(RegistryException.Corrupt.class);
    }
  }

  @Test
  void verify_cutAnywhereOrLonger_isRefused() {
    byte[] good = signed();
    for (int length = 0; length < good.length; length += 7) {
      assertRefused(Arrays.copyOf(good, length), "model.sig is");
    }
    assertRefused(Arrays.copyOf(good, good.length + 1), "not JSON");
    assertRefused(new byte[ModelSignature.MAX_BYTES + 1], "at most");
  }

  /** From what, to what, and what the refusal says. */
  private static final String[][] ENVELOPES = {
    {"bundle.v0.3+json", "bundle.v0.2+json", "mediaType", "v0.2"},
    {"bundle.v0.3+json", "bundle+json;version=0.3", "mediaType"},
    {"vnd.in-toto+json", "vnd.in-toto+cbor", "payloadType"},
    {"\"tlogEntries\":[]", "\"tlogEntries\":[{}]", "tlogEntries is 1 items"},
    {"\"tlogEntries\":[]", "\"tlogEntries\":null", "tlogEntries"},
    {"\"tlogEntries\":[]", "\"certificate\":{\"rawBytes\":\"\"}", "certificate"},
    {"\"tlogEntries\":[]", "\"timestampVerificationData\":{}", "timestampVerificationData"},
    {"\"tlogEntries\":[]", "\"tlogEntries\":[],\"tlogEntries\":[]", "Duplicate"},
    {"\"hint\":\"", "\"hint\":\"0", "hint"},
    {"\"publicKey\":{", "\"publicKey\":{\"keyDetails\":\"PKIX_ECDSA\",", "keyDetails"},
    {"\"signatures\":[{", "\"signatures\":[{\"sig\":\"AAAA\",\"keyid\":\"\"},{", "2 items"},
    {"\"keyid\":\"\"", "\"keyid\":\"mine\"", "keyid"},
    {"\"keyid\":\"\"", "\"keyid\":0", "keyid"},
    {"\"payload\":\"", "\"payload\":\"\\n", "payload is"},
    {"\"payload\":\"", "\"payload\":\"=", "payload is"},
    {"\"payload\":\"", "\"payload\":\"-_", "payload is"},
    {"\"sig\":\"", "\"sig\":\" ", "sig is"},
    {"\"sig\":\"", "\"Sig\":\"", "Sig"},
    {"{\"mediaType\"", "[{\"mediaType\"", "not JSON"},
    {"{\"mediaType\"", "\ufeff{\"mediaType\"", "not JSON"},
    {"{\"mediaType\"", "/**/{\"mediaType\"", "not JSON"},
    {"{\"mediaType\"", "{\"x\":1,\"mediaType\"", "'x'"}
  };

  @Test
  void verify_envelopeNotAsExpected_isRefusedWithThePlace() {
    String good = new String(signed(), StandardCharsets.UTF_8);
    for (String[] mutant : ENVELOPES) {
      String bad = good.replace(mutant[0], mutant[1]);
      assertThat(bad).as(mutant[1]).isNotEqualTo(good);
      assertRefused(bad.getBytes(StandardCharsets.UTF_8), mutant[2], mutant[mutant.length - 1]);
    }
    assertRefused((good + "{}").getBytes(StandardCharsets.UTF_8), "not JSON");
    assertRefused(good.getBytes(StandardCharsets.UTF_16), "not UTF-8");
  }

  private static final String[][] STATEMENTS = {
    {"Statement/v1", "Statement/v0.1", "_type"},
    {"signature/v1.0", "signature/v1.1", "predicateType"},
    {"signature/v1.0", "Digests/v0.1", "predicateType"},
    {"\"allow_symlinks\":false", "\"allow_symlinks\":true", "allow_symlinks"},
    {"\"allow_symlinks\":false", "\"allow_symlinks\":\"false\"", "allow_symlinks"},
    {"\"method\":\"files\"", "\"method\":\"shards\",\"shard_size\":1", "shard_size"},
    {"\"method\":\"files\"", "\"method\":\"shards\"", "method"},
    {"\"hash_type\":\"sha256\"", "\"hash_type\":\"blake2b\"", "hash_type"},
    {"\"algorithm\":\"sha256\"", "\"algorithm\":\"md5\"", "algorithm"},
    {"\".gitignore\"", "\"model.pt\"", "ignore_paths", "'model.pt'"},
    {"\".gitignore\"", "\".git\"", "ignore_paths"},
    {"\".gitignore\"", "\".gitignore\",\"*\"", "ignore_paths"},
    {"\"name\":\"model.pt\"", "\"name\":\"manifest.json\"", "expected a name after"},
    {"\"name\":\"model.pt\"", "\"name\":\"a\"", "expected a name after"},
    {"\"name\":\"model.pt\"", "\"name\":\"model.sig\"", "model.sig"},
    {"\"name\":\"model.pt\"", "\"name\":\"x/../model.pt\"", "plain file names"},
    {"\"name\":\"model.pt\"", "\"name\":\"x\\\\model.pt\"", "plain file names"},
    {"\"name\":\"manifest.json\"", "\"name\":\"../manifest.json\"", "plain file names"},
    {"\"name\":\"manifest.json\"", "\"name\":\"/manifest.json\"", "plain file names"},
    {"\"name\":\"manifest.json\"", "\"name\":\"./manifest.json\"", "plain file names"},
    {"\"name\":\"manifest.json\"", "\"name\":\"MODEL.pt\"", "twice but for case"},
    {"\"name\":\"manifest.json\"", "\"name\":\"\"", "expected a name after"},
    {"\"digest\":\"b", "\"digest\":\"B", "digest"},
    {"\"digest\":\"b", "\"digest\":\" b", "digest"},
    {"\"sha256\":\"", "\"sha512\":\"", "sha512"},
    {"\"name\":\"20261123\"", "\"name\":\"20261123\",\"uri\":\"x\"", "uri"},
    {"\"name\":\"20261123\"", "\"name\":7", "subject[0].name"},
    {"\"predicate\":{", "\"predicate\":{\"card\":{},", "card"},
    {"\"resources\":[", "\"resources\":[[],", "resources[0]"}
  };

  @Test
  void verify_statementSignedButNotAsExpected_isRefusedWithThePlace() {
    for (String[] mutant : STATEMENTS) {
      byte[] bad =
          signed(
              payload ->
                  payload.replaceFirst(
                      Pattern.quote(mutant[0]), Matcher.quoteReplacement(mutant[1])));
      assertRefused(bad, mutant[2], mutant[mutant.length - 1]);
    }
    assertRefused(signed(p -> p.replaceFirst("\"sha256\":\"[0-9a-f]", "\"sha256\":\"x")), "sha256");
    assertRefused(
        signed(p -> p.replaceFirst("\"resources\":\\[.*\\]", "\"resources\":[]")), "0 files");
    assertRefused(
        signed(p -> p.replaceFirst("\"subject\":\\[.*?\\]", "\"subject\":[]")), "subject");
    assertRefused(signed(p -> p + " x"), "not JSON");
    assertRefused(signed(p -> p.replace("}]}}", "}]}")), "not JSON");
  }

  @Test
  void verify_moreFilesThanTheBound_isRefused() {
    StringBuilder more = new StringBuilder();
    for (int i = 0; i < 64; i++) {
      more.append(
          String.format(",{\"name\":\"n%02d\",\"algorithm\":\"sha256\",\"digest\":\"%s\"}", i, A));
    }
    assertRefused(signed(p -> p.replace("}]}}", "}" + more + "]}}")), "66 items", "at most 64");
  }

  @Test
  void verify_asThePythonToolWroteIt_isTaken() throws IOException {
    VerifyingKey key =
        VerifyingKey.parse(new String(resource("python.pub.pem"), StandardCharsets.US_ASCII));
    ModelSignature.Signed signed = ModelSignature.verify(resource("python.sig"), List.of(key));
    assertThat(signed.digests()).containsOnlyKeys("a.txt", "b.bin");
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = ModelSignatureTest.class.getResourceAsStream(name)) {
      return in.readAllBytes();
    }
  }

  @Test
  void parse_keysOfOtherKinds_areInvalid() throws GeneralSecurityException {
    record Kind(String algorithm, AlgorithmParameterSpec parameters) {}
    for (Kind kind :
        List.of(
            new Kind("EC", new ECGenParameterSpec("secp521r1")),
            new Kind("Ed25519", NamedParameterSpec.ED25519),
            new Kind("RSA", new RSAKeyGenParameterSpec(2048, RSAKeyGenParameterSpec.F4)))) {
      KeyPairGenerator generator = KeyPairGenerator.getInstance(kind.algorithm);
      generator.initialize(kind.parameters);
      var pair = generator.generateKeyPair();
      String publicPem = Pem.encode("PUBLIC KEY", pair.getPublic().getEncoded());
      String privatePem = Pem.encode("PRIVATE KEY", pair.getPrivate().getEncoded());
      assertThatThrownBy(() -> VerifyingKey.parse(publicPem))
          .as(kind.algorithm)
          .isInstanceOf(RegistryException.Invalid.class)
          .hasMessageContaining("expected");
      assertThatThrownBy(() -> SigningKey.parse(privatePem))
          .isInstanceOf(RegistryException.Invalid.class);
    }
    String good = PAIR.verifying().pem();
    for (String bad :
        List.of(
            "",
            good.replace("PUBLIC", "PRIVATE"),
            good + good,
            "x" + good,
            good.replace("\n-----END", "=\n-----END"),
            PAIR.signing().pem())) {
      assertThatThrownBy(() -> VerifyingKey.parse(bad))
          .isInstanceOf(RegistryException.Invalid.class);
    }
    assertThat(VerifyingKey.parse(good.replace("\n", "\r\n")).id())
        .isEqualTo(PAIR.verifying().id());
  }
}
