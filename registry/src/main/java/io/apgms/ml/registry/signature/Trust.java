package io.apgms.ml.registry.signature;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.registry.Names;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.Validity;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Which keys may sign which models and when, and which keys and artifacts are revoked. There is no
 * trusted time in a signature: a key's time counts when an artifact is loaded.
 *
 * @param keys each key once
 * @param revoked what must not be loaded any more, whoever signed it
 */
public record Trust(List<Pinned> keys, List<Revoked> revoked) {
  private static final int MAX_BYTES = 1 << 20;
  private static final int MAX_ENTRIES = 10_000;
  private static final String ANY_MODEL = "*";

  public Trust {
    keys = List.copyOf(keys);
    revoked = List.copyOf(revoked);
    Set<String> ids = new HashSet<>();
    for (Pinned pinned : keys) {
      if (!ids.add(pinned.key().id())) {
        throw new RegistryException.Invalid(
            "key " + pinned.key().id() + " is pinned twice, expected once");
      }
    }
  }

  /**
   * A key that may sign.
   *
   * @param models ids of the models it may sign, at least one
   * @param comment whose key it is
   */
  public record Pinned(VerifyingKey key, Set<String> models, Validity validity, String comment) {
    public Pinned {
      models = Set.copyOf(models);
      if (models.isEmpty()) {
        throw new RegistryException.Invalid(
            "key " + key.id() + " is pinned for no model, expected one or more");
      }
    }

    private boolean maySign(String model) {
      return models.contains(model) || models.contains(ANY_MODEL);
    }
  }

  /**
   * Something that is not trusted any more: a key, a version of a model, or a manifest's digest.
   *
   * @param reason why, as it is told to who asks for it
   */
  public record Revoked(
      @Nullable String key,
      @Nullable String model,
      @Nullable String version,
      @Nullable String digest,
      String reason) {
    public static Revoked key(String id, String reason) {
      return new Revoked(requireDigest("key", id), null, null, null, reason);
    }

    public static Revoked version(String model, String version, String reason) {
      if (!Names.isModel(model) || !Names.isVersion(version)) {
        throw new RegistryException.Invalid(
            "revoked version "
                + Fields.quote(model + "/" + version)
                + ", expected a model id and YYYYMMDD or YYYYMMDD-n");
      }
      return new Revoked(null, model, version, null, reason);
    }

    public static Revoked digest(String digest, String reason) {
      return new Revoked(null, null, null, requireDigest("digest", digest), reason);
    }

    private static String requireDigest(String what, String digest) {
      if (!digest.matches("sha256:[0-9a-f]{64}")) {
        throw new RegistryException.Invalid(
            "revoked " + what + " " + Fields.quote(digest) + ", expected sha256:<64 hex digits>");
      }
      return digest;
    }
  }

  /**
   * Reads a trust file strictly.
   *
   * @throws RegistryException.Invalid naming the place, what stands there and what was expected
   */
  public static Trust parse(byte[] json) {
    if (json.length > MAX_BYTES) {
      throw new RegistryException.Invalid(
          "trust file of " + json.length + " bytes, expected at most " + MAX_BYTES);
    }
    Fields file =
        Fields.read("trust", json, RegistryException.Invalid::new, Set.of("keys", "revoked"));
    List<Pinned> keys = new ArrayList<>();
    for (Fields key :
        file.objects(
            "keys",
            MAX_ENTRIES,
            Set.of("id", "models", "notBefore", "notAfter", "publicKey", "comment"))) {
      keys.add(pinned(key));
    }
    Fields list = file.object("revoked", Set.of("keys", "versions", "digests"));
    List<Revoked> revoked = new ArrayList<>();
    for (Fields key : list.objects("keys", MAX_ENTRIES, Set.of("id", "reason"))) {
      revoked.add(Revoked.key(key.text("id", 71), reason(key)));
    }
    for (Fields version :
        list.objects("versions", MAX_ENTRIES, Set.of("model", "version", "reason"))) {
      revoked.add(
          Revoked.version(version.text("model", 64), version.text("version", 16), reason(version)));
    }
    for (Fields digest : list.objects("digests", MAX_ENTRIES, Set.of("digest", "reason"))) {
      revoked.add(Revoked.digest(digest.text("digest", 71), reason(digest)));
    }
    return new Trust(keys, revoked);
  }

  private static String reason(Fields entry) {
    return entry.text("reason", 500);
  }

  private static Pinned pinned(Fields entry) {
    VerifyingKey key = VerifyingKey.parse(entry.text("publicKey", 2_000));
    entry.requireText("id", key.id());
    Set<String> models = new HashSet<>();
    for (String model : entry.texts("models", MAX_ENTRIES)) {
      if (!Names.isModel(model) || !models.add(model)) {
        throw entry.refused("models", model, "model ids, each once");
      }
    }
    Validity validity = new Validity(entry.text("notBefore", 20), entry.text("notAfter", 20));
    return new Pinned(key, models, validity, entry.text("comment", 500));
  }

  /** The file, indented, with a final newline. */
  public byte[] toJson() {
    ObjectNode file = JsonNodeFactory.instance.objectNode();
    ArrayNode pinned = file.putArray("keys");
    for (Pinned p : keys) {
      ObjectNode key = pinned.addObject().put("id", p.key().id());
      ArrayNode models = key.putArray("models");
      p.models().stream().sorted().forEach(models::add);
      key.put("notBefore", p.validity().notBefore()).put("notAfter", p.validity().notAfter());
      key.put("publicKey", p.key().pem()).put("comment", p.comment());
    }
    ObjectNode list = file.putObject("revoked");
    ArrayNode revokedKeys = list.putArray("keys");
    ArrayNode versions = list.putArray("versions");
    ArrayNode digests = list.putArray("digests");
    for (Revoked r : revoked) {
      if (r.key() != null) {
        revokedKeys.addObject().put("id", r.key()).put("reason", r.reason());
      } else if (r.digest() != null) {
        digests.addObject().put("digest", r.digest()).put("reason", r.reason());
      } else {
        ObjectNode version = versions.addObject().put("model", r.model());
        version.put("version", r.version()).put("reason", r.reason());
      }
    }
    DefaultPrettyPrinter printer =
        new DefaultPrettyPrinter()
            .withObjectIndenter(new DefaultIndenter("  ", "\n"))
            .withArrayIndenter(new DefaultIndenter("  ", "\n"));
    try {
      String json = JsonMapper.builder().build().writer(printer).writeValueAsString(file);
      return (json + "\n").getBytes(StandardCharsets.UTF_8);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("strings can always be written", e);
    }
  }

  /** The same with a key pinned, or pinned anew where it was. */
  public Trust with(Pinned pinned) {
    Predicate<Pinned> other = p -> !p.key().id().equals(pinned.key().id());
    return new Trust(
        Stream.concat(keys.stream().filter(other), Stream.of(pinned)).toList(), revoked);
  }

  /**
   * The same without a key, which is no longer trusted then, and without a word on why.
   *
   * @throws RegistryException.Invalid when it is not pinned
   */
  public Trust without(String keyId) {
    List<Pinned> others = keys.stream().filter(p -> !p.key().id().equals(keyId)).toList();
    if (others.size() == keys.size()) {
      throw new RegistryException.Invalid(
          "key "
              + Fields.quote(keyId)
              + " is not pinned, expected one of "
              + keys.stream().map(p -> p.key().id()).toList());
    }
    return new Trust(others, revoked);
  }

  /** The same with something revoked. */
  public Trust with(Revoked entry) {
    return new Trust(keys, Stream.concat(revoked.stream(), Stream.of(entry)).distinct().toList());
  }

  /** The same with a key that may sign any model, always: for development only. */
  public Trust withDevelopmentKey(VerifyingKey key) {
    if (keys.stream().anyMatch(p -> p.key().id().equals(key.id()))) {
      return this; // pinned by hand, with bounds
    }
    Validity always = new Validity("2000-01-01T00:00:00Z", "2999-12-31T00:00:00Z");
    return with(new Pinned(key, Set.of(ANY_MODEL), always, "development"));
  }

  /** What is trusted of one model: the keys that may sign it, for it alone, and all revocations. */
  public Trust only(String model) {
    List<Pinned> its =
        keys.stream()
            .filter(p -> p.maySign(model))
            .map(p -> new Pinned(p.key(), Set.of(model), p.validity(), p.comment()))
            .toList();
    return new Trust(its, revoked);
  }

  /** The keys that may sign a model, whatever their time. */
  public List<VerifyingKey> keysOf(String model) {
    return keys.stream().filter(p -> p.maySign(model)).map(Pinned::key).toList();
  }

  /**
   * Verifies a signature of a model's files.
   *
   * @throws RegistryException.Corrupt when no pinned, unrevoked key vouches for it now
   */
  public ModelSignature.Signed verify(String model, byte[] modelSig, Instant now) {
    ModelSignature.Signed signed = ModelSignature.verify(modelSig, keysOf(model));
    String id = signed.signer().id();
    requireKey(id);
    for (Pinned pinned : keys) {
      if (pinned.key().id().equals(id) && !pinned.validity().holds(now)) {
        throw new RegistryException.Corrupt(
            "model.sig is by key "
                + id
                + ", valid "
                + pinned.validity()
                + ", and now it is "
                + now);
      }
    }
    return signed;
  }

  private void requireKey(String id) {
    for (Revoked entry : revoked) {
      if (id.equals(entry.key())) {
        throw new RegistryException.Revoked(
            "model.sig is by key " + id + ", which is revoked: " + entry.reason());
      }
    }
  }

  /**
   * Refuses a version that is revoked by name, by digest or by its signer.
   *
   * @param digest {@code sha256:…} of its manifest; null where it is not known
   * @param signer id of the key that vouches for it; null where it is not known
   */
  public void requireUnrevoked(
      String model, String version, @Nullable String digest, @Nullable String signer) {
    if (signer != null) {
      requireKey(signer);
    }
    for (Revoked entry : revoked) {
      boolean named = model.equals(entry.model()) && version.equals(entry.version());
      if (named || (digest != null && digest.equals(entry.digest()))) {
        throw new RegistryException.Revoked(
            model + "/" + version + " is revoked: " + entry.reason());
      }
    }
  }
}
