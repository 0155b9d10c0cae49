package io.apgms.ml.gateway.http;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * JSON as RFC 8259 has it and no more: no duplicate keys, no NaN, no trailing bytes, UTF-8 only.
 */
public final class StrictJson {
  static final int MAX_DEPTH = 32;

  /** Without duplicate detection: the score reader has its own, which costs nothing. */
  static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNumberLength(64)
                  .maxNameLength(512)
                  .maxStringLength(1 << 20)
                  .build())
          .enable(StreamReadFeature.USE_FAST_DOUBLE_PARSER)
          .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
          .build();

  private static final JsonMapper TREE =
      JsonMapper.builder(FACTORY.rebuild().build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private StrictJson() {}

  /** Reads an object. Refuses with 400 what is no JSON, with 422 what is no object. */
  public static ObjectNode object(byte[] body) {
    JsonNode node;
    requireUtf8Start(body);
    try {
      requireUtf8(body);
      node = TREE.readTree(body);
    } catch (JsonProcessingException e) {
      throw malformed(e);
    } catch (IOException e) {
      throw Problem.of(400, "the body cannot be read as JSON");
    }
    if (node instanceof ObjectNode object) {
      wellFormed(object);
      return object;
    }
    if (node == null || node.isMissingNode()) {
      throw Problem.of(400, "the body is empty, expected a JSON object");
    }
    throw Problem.field(422, "", "the body is no object, expected a JSON object");
  }

  /** Where the text stops being JSON; never what stands there. */
  static Problem malformed(JsonProcessingException e) {
    JsonLocation at = e.getLocation();
    String where = at == null ? "" : " at line " + at.getLineNr() + ", column " + at.getColumnNr();
    String why =
        e.getOriginalMessage().startsWith("Duplicate field")
            ? "a key that stands twice"
            : "malformed JSON";
    return Problem.of(400, why + where + ", expected one RFC 8259 value, at most 32 levels deep");
  }

  /** Refuses what the parser would take for UTF-16 or UTF-32, and a byte order mark. */
  static void requireUtf8Start(byte[] body) {
    for (int i = 0; i < Math.min(body.length, 4); i++) {
      if (body[i] == 0 || (i == 0 && body[i] < 0)) {
        throw Problem.of(400, "the body is not UTF-8 without a byte order mark");
      }
    }
  }

  static void requireUtf8(byte[] body) throws CharacterCodingException {
    StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body));
  }

  private static void wellFormed(JsonNode node) {
    if (node.isTextual()) {
      requireWellFormed(node.textValue());
    }
    node.fieldNames().forEachRemaining(StrictJson::requireWellFormed);
    node.forEach(StrictJson::wellFormed); // bounded by MAX_DEPTH
  }

  /** Refuses half of a surrogate pair and U+0000, which PostgreSQL cannot store. */
  static void requireWellFormed(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == 0 || (Character.isSurrogate(c) && !pairAt(text, i))) {
        throw Problem.of(400, "a string with a lone surrogate or U+0000, expected Unicode text");
      }
      if (Character.isHighSurrogate(c)) {
        i++;
      }
    }
  }

  private static boolean pairAt(String text, int i) {
    return Character.isHighSurrogate(text.charAt(i))
        && i + 1 < text.length()
        && Character.isLowSurrogate(text.charAt(i + 1));
  }

  /** What a token is, in a caller's words. */
  static String kind(JsonParser parser) {
    return switch (parser.currentToken()) {
      case VALUE_STRING -> "a string";
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "a number";
      case VALUE_TRUE, VALUE_FALSE -> "a boolean";
      case VALUE_NULL -> "null";
      case START_ARRAY -> "an array";
      case START_OBJECT -> "an object";
      default -> "no value";
    };
  }
}
