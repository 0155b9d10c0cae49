package io.apgms.ml.gateway;

import static io.apgms.ml.gateway.Mutants.JSON;
import static io.apgms.ml.gateway.Mutants.bundle;
import static io.apgms.ml.gateway.Mutants.manifest;
import static io.apgms.ml.gateway.Mutants.ours;
import static io.apgms.ml.gateway.Mutants.serialization;
import static io.apgms.ml.gateway.Mutants.sign;
import static io.apgms.ml.gateway.Mutants.statement;
import static io.apgms.ml.gateway.Mutants.statementText;
import static io.apgms.ml.gateway.Mutants.subject;
import static io.apgms.ml.gateway.Mutants.wide;
import static io.apgms.ml.gateway.Mutants.write;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.apgms.ml.gateway.Mutants.Change;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/** The bundle around a statement that is signed rightly, spelt otherwise. */
final class BundleMutants {
  private static final BigInteger P256_ORDER =
      new BigInteger("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16);

  private BundleMutants() {}

  static Map<String, Change> good() {
    Map<String, Change> good = new LinkedHashMap<>();
    good.put("as it is", folder -> {});
    good.put("P-384", folder -> sign(folder, wide));
    good.put(
        "the other s",
        folder -> {
          String payload = Forge.statement(Forge.digests(folder)).toString();
          byte[] one = ours.sign(payload);
          write(folder, ours.bundle(payload, Forge.mirrored(one, P256_ORDER)));
        });
    good.put("no keyid", bundle(",\"keyid\":\"\"", ""));
    good.put("no tlogEntries", bundle(",\"tlogEntries\":[]", ""));
    good.put("blanks in the bundle", bundle("{\"mediaType\":", " {\n\"mediaType\" :\t"));
    good.put("indented statement", statementText(p -> p.replace("{", "{\n  ")));
    good.put("escaped text", statementText(p -> p.replace("in-toto.io", "in-toto\\u002eio")));
    good.put("nothing ignored", statement(s -> serialization(s).remove("ignore_paths")));
    good.put("another subject name", statement(s -> subject(s).put("name", "draft")));
    good.put("manifest without validity", manifest(m -> m.remove("validity")));
    good.put("manifest with null validity", manifest(m -> m.putNull("validity")));
    return good;
  }

  static Map<String, Change> bad() {
    Map<String, Change> bad = new LinkedHashMap<>(fields());
    bad.putAll(encodings());
    return bad;
  }

  private static Map<String, Change> fields() {
    Map<String, Change> bad = new LinkedHashMap<>();
    bad.put("bundle v0.2", bundle("bundle.v0.3", "bundle.v0.2"));
    bad.put("another payload type", bundle("vnd.in-toto+json", "json"));
    bad.put("a log entry", bundle("\"tlogEntries\":[]", "\"tlogEntries\":[{}]"));
    bad.put("a certificate", bundle("\"tlogEntries\":[]", "\"certificate\":{\"rawBytes\":\"\"}"));
    bad.put("an unknown key", bundle("{\"mediaType\"", "{\"x\":1,\"mediaType\""));
    bad.put("a key twice", bundle("\"tlogEntries\":[]", "\"tlogEntries\":[],\"tlogEntries\":[]"));
    bad.put("two signatures", bundle("\"signatures\":[", "\"signatures\":[{\"sig\":\"AAAA\"},"));
    bad.put(
        "no signature in it",
        f -> {
          String text = Files.readString(f.resolve("model.sig"));
          write(f, text.replaceFirst("\"signatures\":\\[.*?]", "\"signatures\":[]"));
        });
    bad.put("another keyid", bundle("\"keyid\":\"\"", "\"keyid\":\"x\""));
    bad.put(
        "upper-case hint",
        f -> {
          String text = Files.readString(f.resolve("model.sig"));
          String hint = JSON.readTree(text).at("/verificationMaterial/publicKey/hint").asText();
          write(f, text.replace(hint, hint.toUpperCase(Locale.ROOT)));
        });
    bad.put(
        "no hint",
        f -> {
          String text = Files.readString(f.resolve("model.sig"));
          write(f, text.replaceFirst("\"hint\":\"[0-9a-f]+\"", ""));
        });
    return bad;
  }

  private static Map<String, Change> encodings() {
    Map<String, Change> bad = new LinkedHashMap<>();
    bad.put("bytes after it", f -> write(f, Files.readString(f.resolve("model.sig")) + "x"));
    bad.put("a mark before it", f -> write(f, "\ufeff" + Files.readString(f.resolve("model.sig"))));
    bad.put(
        "UTF-16",
        f ->
            Files.write(
                f.resolve("model.sig"),
                Files.readString(f.resolve("model.sig")).getBytes(StandardCharsets.UTF_16)));
    bad.put("a comment", f -> write(f, "//\n" + Files.readString(f.resolve("model.sig"))));
    bad.put("payload over two lines", bundle("\"payload\":\"", "\"payload\":\"\\n"));
    bad.put(
        "payload in the other alphabet",
        base64("payload", p -> Base64.getUrlEncoder().encodeToString(p)));
    bad.put(
        "payload without padding",
        base64("payload", p -> Base64.getEncoder().withoutPadding().encodeToString(p)));
    bad.put("signature with stray bits", f -> strayBits(f));
    bad.put(
        "signature in another spelling",
        base64(
            "sig",
            der -> {
              byte[] longer = new byte[der.length + 1];
              longer[0] = 0x30;
              longer[1] = (byte) 0x81;
              longer[2] = der[1];
              System.arraycopy(der, 2, longer, 3, der.length - 2);
              return Base64.getEncoder().encodeToString(longer);
            }));
    bad.put(
        "signature with a byte after it",
        base64(
            "sig", der -> Base64.getEncoder().encodeToString(Arrays.copyOf(der, der.length + 1))));
    bad.put(
        "signature of zeros",
        base64(
            "sig",
            der -> Base64.getEncoder().encodeToString(new byte[] {0x30, 6, 2, 1, 0, 2, 1, 0})));
    bad.put(
        "raw signature", base64("sig", der -> Base64.getEncoder().encodeToString(new byte[64])));
    return bad;
  }

  static Change base64(String key, Function<byte[], String> spelt) {
    return f -> {
      // A payload whose base64 is padded and has both of the letters that alphabets differ in.
      String payload =
          Forge.statement(Forge.digests(f)).toString().replace("{\"_type", "{ \"_type");
      while (payload.length() % 3 != 1) {
        payload += " ";
      }
      String bundle = ours.bundle(payload.replaceFirst("20261123", "~~~???>>>"));
      JsonNode envelope = JSON.readTree(bundle).path("dsseEnvelope");
      String text =
          (key.equals("sig") ? envelope.path("signatures").get(0) : envelope).path(key).asText();
      String other = spelt.apply(Base64.getDecoder().decode(text));
      assertThat(other).isNotEqualTo(text);
      write(f, bundle.replace(text, other));
    };
  }

  /** The last letter before the padding has bits that decoders drop. */
  static void strayBits(Path folder) throws Exception {
    String payload = Forge.statement(Forge.digests(folder)).toString();
    byte[] der = ours.sign(payload);
    while (der.length % 3 == 0) {
      der = ours.sign(payload);
    }
    String bundle = ours.bundle(payload, der);
    String sig = Base64.getEncoder().encodeToString(der);
    int last = sig.indexOf('=') - 1;
    char stray = (char) (sig.charAt(last) + 1);
    String odd = sig.substring(0, last) + stray + sig.substring(last + 1);
    assertThat(Base64.getDecoder().decode(odd)).isEqualTo(der);
    write(folder, bundle.replace(sig, odd));
  }
}
