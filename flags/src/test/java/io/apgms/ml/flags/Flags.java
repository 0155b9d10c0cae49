package io.apgms.ml.flags;

/** Documents to test with. */
final class Flags {
  private Flags() {}

  static FlagSnapshot parse(String document) {
    try {
      return FlagSnapshot.parse(document);
    } catch (FlagSnapshot.Malformed e) {
      throw new AssertionError(e);
    }
  }

  static String withVariant(String variant) {
    return withRollout(variant, 100);
  }

  static String withRollout(String variant, int percent) {
    return flag(
        """
        {"name":"flexibleRollout","parameters":{"rollout":"%d","stickiness":"entityId",\
        "groupId":"g"},"variants":[{"name":"%s","weight":1000,"stickiness":"entityId"}]}"""
            .formatted(percent, variant));
  }

  static String flag(String strategies) {
    return """
        {"version":2,"features":[{"name":"ML_DECISION_MODE","type":"release","enabled":true,\
        "strategies":[%s]}]}"""
        .formatted(strategies);
  }
}
