package io.apgms.ml.flags;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;

/**
 * Those flags of one client-features document that this service asks.
 *
 * @param mode whether decisions are acted upon
 * @param canary which decisions a second version makes
 */
record FlagDocument(FlagSnapshot mode, FlagSnapshot canary) {
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /**
   * Reads a client-features document.
   *
   * @throws FlagSnapshot.Malformed for anything but a JSON object with a {@code features} array of
   *     objects
   */
  static FlagDocument parse(String document) throws FlagSnapshot.Malformed {
    JsonNode root;
    try {
      root = JSON.readTree(document);
    } catch (JsonProcessingException e) {
      throw new FlagSnapshot.Malformed("the flags are not JSON: " + e.getOriginalMessage());
    }
    JsonNode features = root.path("features");
    if (!features.isArray()) {
      throw new FlagSnapshot.Malformed(
          "features is " + features.getNodeType() + ", expected an array");
    }
    for (JsonNode feature : features) {
      if (!feature.path("name").isTextual()) {
        throw new FlagSnapshot.Malformed("a feature has no name, expected a text");
      }
    }
    return new FlagDocument(
        FlagSnapshot.of(root, FlagSnapshot.Asked.MODE),
        FlagSnapshot.of(root, FlagSnapshot.Asked.CANARY));
  }
}
