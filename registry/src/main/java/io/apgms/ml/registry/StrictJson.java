package io.apgms.ml.registry;

import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.type.LogicalType;
import java.io.IOException;
import java.util.stream.Collectors;

/** JSON for files that are hashed: no unknown, missing, duplicate, null or mistyped key. */
final class StrictJson {
  static final JsonMapper MAPPER =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NUMBERS_FOR_ENUMS)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
          .defaultSetterInfo(JsonSetter.Value.forValueNulls(Nulls.FAIL, Nulls.FAIL))
          .withCoercionConfig(
              LogicalType.Textual,
              c ->
                  c.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                      .setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                      .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail))
          .build();

  private StrictJson() {}

  static byte[] bytes(Object value) {
    try {
      return MAPPER.writeValueAsBytes(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("strings and numbers can always be written", e);
    }
  }

  /**
   * A document from outside.
   *
   * @param name what it is, for the refusal, which names no class of ours
   * @throws RegistryException.Invalid saying where it is not one
   */
  static <T> T read(byte[] json, Class<T> type, String name) {
    try {
      T value = MAPPER.readValue(json, type);
      if (value == null) {
        throw new RegistryException.Invalid(name + ": null, expected an object");
      }
      return value;
    } catch (JsonMappingException e) {
      if (e.getCause() instanceof RegistryException.Invalid refused) {
        throw refused;
      }
      throw new RegistryException.Invalid(name + ": " + path(e) + " " + problem(e));
    } catch (JsonProcessingException e) {
      throw new RegistryException.Invalid(name + ": not JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw new RegistryException.Invalid(name + ": " + e.getMessage());
    }
  }

  private static String path(JsonMappingException e) {
    return e.getPath().stream()
        .map(r -> r.getFieldName() == null ? Integer.toString(r.getIndex()) : r.getFieldName())
        .collect(Collectors.joining("/", "/", ""));
  }

  private static String problem(JsonMappingException e) {
    if (e instanceof UnrecognizedPropertyException unknown) {
      return "is unknown, expected one of " + unknown.getKnownPropertyIds();
    }
    return "is missing or of another type, expected as the document describes it";
  }
}
