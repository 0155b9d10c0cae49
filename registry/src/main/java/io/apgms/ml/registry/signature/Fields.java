package io.apgms.ml.registry.signature;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.apgms.ml.registry.RegistryException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One JSON object whose every key is known: no other key, none twice, no bytes after it, no other
 * encoding than UTF-8. Refusals name the place, what stands there and what was expected.
 */
final class Fields {
  private static final int MAX_DEPTH = 8;
  private static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .streamReadConstraints(
                      StreamReadConstraints.builder().maxNestingDepth(MAX_DEPTH).build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private final String place;
  private final JsonNode node;
  private final Function<String, RegistryException> refusal;

  private Fields(
      String place,
      @Nullable JsonNode node,
      Function<String, RegistryException> refusal,
      Set<String> known) {
    this.place = place;
    this.refusal = refusal;
    if (node == null || !node.isObject()) {
      throw refusal.apply(place + " is " + shown(node) + ", expected an object");
    }
    this.node = node;
    node.fieldNames()
        .forEachRemaining(
            key -> {
              if (!known.contains(key)) {
                throw refusal.apply(
                    place + " has a key " + quote(key) + ", expected only " + sorted(known));
              }
            });
  }

  /**
   * Reads a document.
   *
   * @param name what it is, as refusals call it
   * @param refusal makes the exception of a refusal
   */
  static Fields read(
      String name, byte[] json, Function<String, RegistryException> refusal, Set<String> known) {
    String text;
    try {
      text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json)).toString();
    } catch (CharacterCodingException e) {
      throw refusal.apply(name + " is not UTF-8");
    }
    try {
      return new Fields(name, MAPPER.readTree(text), refusal, known);
    } catch (JsonProcessingException e) {
      throw refusal.apply(name + " is not JSON: " + quote(e.getOriginalMessage()));
    }
  }

  Fields object(String key, Set<String> known) {
    return new Fields(place + "." + key, node.get(key), refusal, known);
  }

  boolean has(String key) {
    return node.has(key);
  }

  String text(String key, int maxLength) {
    JsonNode value = node.get(key);
    if (value == null || !value.isTextual() || value.textValue().length() > maxLength) {
      throw refused(
          place
              + "."
              + key
              + " is "
              + shown(value)
              + ", expected text of at most "
              + maxLength
              + " characters");
    }
    return value.textValue();
  }

  /** Refuses any text but this one. */
  void requireText(String key, String expected) {
    JsonNode value = node.get(key);
    if (value == null || !value.isTextual() || !value.textValue().equals(expected)) {
      throw refused(place + "." + key + " is " + shown(value) + ", expected " + quote(expected));
    }
  }

  /** Refuses anything but {@code false}. */
  void requireFalse(String key) {
    JsonNode value = node.get(key);
    if (value == null || !value.isBoolean() || value.booleanValue()) {
      throw refused(place + "." + key + " is " + shown(value) + ", expected false");
    }
  }

  List<Fields> objects(String key, int max, Set<String> known) {
    List<Fields> objects = new ArrayList<>();
    for (JsonNode item : list(key, max)) {
      objects.add(new Fields(place + "." + key + "[" + objects.size() + "]", item, refusal, known));
    }
    return objects;
  }

  List<String> texts(String key, int max) {
    List<String> texts = new ArrayList<>();
    for (JsonNode item : list(key, max)) {
      if (!item.isTextual()) {
        throw refused(place + "." + key + " holds " + shown(item) + ", expected text");
      }
      texts.add(item.textValue());
    }
    return texts;
  }

  private JsonNode list(String key, int max) {
    JsonNode value = node.get(key);
    if (value == null || !value.isArray() || value.size() > max) {
      throw refused(
          place
              + "."
              + key
              + " is "
              + (value != null && value.isArray() ? value.size() + " items" : shown(value))
              + ", expected a list of at most "
              + max);
    }
    return value;
  }

  /** The refusal of a value at this place. */
  RegistryException refused(String key, String value, String expected) {
    return refused(place + "." + key + " is " + quote(value) + ", expected " + expected);
  }

  private RegistryException refused(String message) {
    return refusal.apply(message);
  }

  private static String sorted(Set<String> known) {
    return known.stream().sorted().toList().toString();
  }

  private static String shown(@Nullable JsonNode value) {
    if (value == null || value.isMissingNode()) {
      return "missing";
    }
    if (value.isContainerNode()) {
      return value.isArray() ? "a list" : "an object";
    }
    return value.isTextual() ? quote(value.textValue()) : quote(value.toString());
  }

  /** At most 80 characters, in quotes, with everything unprintable replaced. */
  static String quote(String text) {
    String cut = text.length() > 80 ? text.substring(0, 80) + "…" : text;
    return "'" + cut.replaceAll("[^\\x20-\\x7e…]", "?") + "'";
  }
}
