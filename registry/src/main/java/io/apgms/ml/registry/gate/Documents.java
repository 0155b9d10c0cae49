package io.apgms.ml.registry.gate;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.MapperBuilder;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.VerifiedArtifact;
import java.io.IOException;
import java.util.stream.Collectors;

/** The files that gates read: an unknown, missing, duplicate or mistyped key is refused. */
final class Documents {
  private static final ObjectMapper JSON = strict(JsonMapper.builder());
  private static final ObjectMapper YAML = strict(YAMLMapper.builder());

  private Documents() {}

  private static ObjectMapper strict(MapperBuilder<?, ?> builder) {
    return builder
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
        .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
        .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
        .enable(DeserializationFeature.FAIL_ON_NUMBERS_FOR_ENUMS)
        .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
        .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
        .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
        .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
        .build();
  }

  static <T> T json(String name, byte[] bytes, Class<T> type) {
    return read(JSON, name, bytes, type);
  }

  static <T> T yaml(String name, byte[] bytes, Class<T> type) {
    return read(YAML, name, bytes, type);
  }

  static JsonNode jsonTree(String name, byte[] bytes) {
    return read(JSON, name, bytes, JsonNode.class);
  }

  static JsonNode yamlTree(String name, byte[] bytes) {
    return read(YAML, name, bytes, JsonNode.class);
  }

  private static <T> T read(ObjectMapper mapper, String name, byte[] bytes, Class<T> type) {
    try {
      T value = mapper.readValue(bytes, type);
      if (value == null) {
        throw new RegistryException.Corrupt(name + " is empty, expected a document");
      }
      return value;
    } catch (JsonMappingException e) {
      if (e.getCause() instanceof RegistryException refused) {
        throw new RegistryException.Corrupt(name + ": " + refused.getMessage());
      }
      String path =
          e.getPath().stream()
              .map(r -> r.getFieldName() == null ? "[" + r.getIndex() + "]" : r.getFieldName())
              .collect(Collectors.joining("."));
      throw new RegistryException.Corrupt(name + ": " + path + ": " + e.getOriginalMessage());
    } catch (JsonProcessingException e) {
      throw new RegistryException.Corrupt(name + ": " + e.getOriginalMessage());
    } catch (IOException e) {
      throw new RegistryException.Corrupt(name + ": " + e.getMessage());
    }
  }

  /** The bytes of a file that an artifact must hold. */
  static byte[] of(VerifiedArtifact artifact, String name) {
    byte[] bytes = artifact.reports().get(name);
    if (bytes == null) {
      throw new RegistryException.Corrupt(name + " is missing, expected in the artifact");
    }
    return bytes;
  }
}
