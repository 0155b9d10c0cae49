package io.apgms.ml.gateway.http;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonStreamContext;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * JSON as RFC 8259 has it and no more: no duplicate keys, no NaN, no trailing bytes, UTF-8 only.
 */
public final class StrictJson {
  static final int MAX_DEPTH = 32;
  private static final int MAX_NUMBER = 64;
  private static final int MAX_NAME = 128;
  private static final int MAX_STRING = 1 << 20;

  /** Without duplicate detection: the score reader has its own, which costs nothing. */
  static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNumberLength(MAX_NUMBER)
                  .maxNameLength(MAX_NAME)
                  .maxStringLength(MAX_STRING)
                  .build())
          .enable(StreamReadFeature.USE_FAST_DOUBLE_PARSER)
          .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
          .build();

  private static final JsonMapper TREE =
      JsonMapper.builder(FACTORY.rebuild().build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build();

  private StrictJson() {}

  /** Reads an object. Refuses with 400 what is no JSON, with 422 what is no object. */
  public static ObjectNode object(byte[] body) {
    requireUtf8(body);
    JsonNode node = tree(body);
    if (node instanceof ObjectNode object) {
      storable("", object);
      return object;
    }
    if (node == null || node.isMissingNode()) {
      throw Problem.of(400, "the body is empty, expected a JSON object");
    }
    throw Problem.field(422, "", "the body is no object, expected a JSON object");
  }

  private static @Nullable JsonNode tree(byte[] body) {
    try (JsonParser in = TREE.createParser(body)) {
      try {
        JsonNode node = TREE.readTree(in);
        if (in.nextToken() != null) {
          throw Problem.of(400, "bytes after the JSON value, expected its end");
        }
        return node;
      } catch (JsonProcessingException e) {
        throw malformed(e, in);
      }
    } catch (IOException e) {
      throw Problem.of(400, "the body cannot be read as JSON");
    }
  }

  /** Where the text stops being JSON that is taken; never what stands there. */
  static Problem malformed(JsonProcessingException e, JsonParser in) {
    if (e instanceof StreamConstraintsException) {
      return tooLong(e.getOriginalMessage(), in.getParsingContext());
    }
    JsonLocation at = e.getLocation();
    String where = at == null ? "" : " at line " + at.getLineNr() + ", column " + at.getColumnNr();
    String why =
        e.getOriginalMessage().startsWith("Duplicate field")
            ? "a key that stands twice"
            : "malformed JSON";
    return Problem.of(400, why + where + ", expected one RFC 8259 value, at most 32 levels deep");
  }

  /** The parser's bounds; it stops there, so that what follows may be no JSON either. */
  private static Problem tooLong(String message, JsonStreamContext at) {
    if (message.startsWith("Number")) {
      return Problem.field(
          400, pointer(at), "a longer number, expected at most " + MAX_NUMBER + " characters");
    }
    if (message.startsWith("Name")) {
      JsonStreamContext object = at.getParent();
      return Problem.field(
          400,
          object == null ? "" : pointer(object),
          "a longer key in this object, expected at most " + MAX_NAME + " characters");
    }
    if (message.startsWith("String")) {
      return Problem.field(
          400, pointer(at), "a longer string, expected at most " + MAX_STRING + " characters");
    }
    return Problem.of(400, "a deeper nested value, expected at most " + MAX_DEPTH + " levels");
  }

  private static String pointer(JsonStreamContext at) {
    StringBuilder out = new StringBuilder();
    for (JsonStreamContext c = at; c != null && !c.inRoot(); c = c.getParent()) {
      String name = c.getCurrentName();
      out.insert(0, "/" + (c.inArray() ? "" + c.getCurrentIndex() : FieldError.token("" + name)));
    }
    return out.toString(); // bounded by MAX_DEPTH
  }

  /** Refuses bytes that are no UTF-8, UTF-16 and UTF-32 among them, and a byte order mark. */
  static void requireUtf8(byte[] body) {
    for (int i = 0; i < Math.min(body.length, 4); i++) {
      if (body[i] == 0 || (i == 0 && body[i] < 0)) {
        throw notUtf8();
      }
    }
    int signs = 0;
    for (byte b : body) { // no branch: the common body is ASCII, and this loop is vectorised
      signs |= b;
    }
    if (signs < 0) {
      try {
        StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body));
      } catch (CharacterCodingException e) {
        throw notUtf8();
      }
    }
  }

  private static Problem notUtf8() {
    return Problem.of(400, "the body is not UTF-8 without a byte order mark");
  }

  /** Refuses what could not be stored as it was sent; depth is bounded by MAX_DEPTH. */
  private static void storable(String pointer, JsonNode node) {
    if (node.isTextual()) {
      requireWellFormed(pointer, node.textValue());
    } else if (node.isDouble() && Double.isInfinite(node.doubleValue())) {
      throw Problem.field(
          422, pointer, "a number beyond the range of IEEE 754 doubles, expected one within it");
    }
    int index = 0;
    for (JsonNode item : node.isArray() ? node : List.<JsonNode>of()) {
      storable(pointer + "/" + index++, item);
    }
    for (Map.Entry<String, JsonNode> member : node.properties()) {
      requireWellFormed(pointer, member.getKey());
      storable(pointer + "/" + FieldError.token(member.getKey()), member.getValue());
    }
  }

  /** Refuses half of a surrogate pair and U+0000, which PostgreSQL cannot store. */
  static void requireWellFormed(String pointer, String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == 0 || (Character.isSurrogate(c) && !pairAt(text, i))) {
        throw Problem.field(
            400, pointer, "a string with a lone surrogate or U+0000, expected Unicode text");
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
