package io.apgms.ml.training.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.apgms.ml.training.TrainingException;
import java.io.IOException;
import java.util.stream.Collectors;

/** Reads a schema strictly: an unknown, duplicate or mistyped key is refused by its name. */
public final class SchemaReader {
  private static final ObjectMapper YAML =
      YAMLMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
          .build();

  private SchemaReader() {}

  /**
   * Parses the bytes of a schema file.
   *
   * @throws TrainingException.Schema naming the key and what was expected
   */
  public static ModelSchema parse(byte[] yaml) {
    try {
      return YAML.readValue(yaml, ModelSchema.class);
    } catch (UnrecognizedPropertyException e) {
      throw new TrainingException.Schema(
          "unknown key '" + path(e) + "', expected one of " + e.getKnownPropertyIds());
    } catch (JsonMappingException e) {
      if (e.getCause() instanceof TrainingException.Schema refused) {
        throw refused;
      }
      boolean absent = e.getOriginalMessage().startsWith("Cannot map `null`");
      throw new TrainingException.Schema(
          path(e) + (absent ? " is missing, expected a value" : ": " + e.getOriginalMessage()));
    } catch (JsonProcessingException e) {
      throw new TrainingException.Schema("not YAML: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw new TrainingException.Schema("not readable: " + e.getMessage());
    }
  }

  private static String path(JsonMappingException e) {
    return e.getPath().stream()
        .map(r -> r.getFieldName() == null ? "[" + r.getIndex() + "]" : r.getFieldName())
        .collect(Collectors.joining("."));
  }
}
