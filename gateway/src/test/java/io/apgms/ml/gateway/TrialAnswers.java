package io.apgms.ml.gateway;

import io.getunleash.engine.Context;
import io.getunleash.engine.UnleashEngine;
import io.getunleash.engine.VariantDef;
import io.getunleash.engine.YggdrasilInvalidInputException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** What was answered while a second version was on trial, and what of it must not be. */
final class TrialAnswers {
  private TrialAnswers() {}

  /**
   * One answer.
   *
   * @param entity null where the request named none
   * @param at when it was there
   */
  record Answer(String entity, String version, boolean enforced, String id, Instant at) {}

  /** The flags file: decisions are acted upon, a share of the entities gets the canary. */
  static String flags(int canaryThousandths) {
    return """
        {"version":2,"features":[
        {"name":"ML_DECISION_MODE","type":"operational","enabled":true,"strategies":[{
          "name":"flexibleRollout","parameters":{"rollout":"100","stickiness":"default",
          "groupId":"ML_DECISION_MODE"},
          "variants":[{"name":"act","weight":1000,"stickiness":"default"}]}]},
        {"name":"ML_CANARY","type":"operational","enabled":true,"strategies":[{
          "name":"flexibleRollout","parameters":{"rollout":"100","stickiness":"entityId",
          "groupId":"ML_CANARY"},
          "variants":[{"name":"active","weight":%d,"stickiness":"entityId"},
          {"name":"canary","weight":%d,"stickiness":"entityId"}]}]}]}"""
        .formatted(1_000 - canaryThousandths, canaryThousandths);
  }

  /** Whom Unleash's own engine gives the canary; the service does not use it. */
  static UnaryOperator<String> byTheSdk(String flags, String active, String canary)
      throws YggdrasilInvalidInputException {
    UnleashEngine engine = new UnleashEngine();
    engine.takeState(flags);
    return entity -> {
      if (entity == null) {
        return active;
      }
      Context context = new Context();
      context.setUserId(entity);
      context.setProperties(Map.of("modelId", "risk-score", "entityId", entity));
      try {
        VariantDef variant = engine.getVariant("ML_CANARY", context).value;
        return variant != null && variant.getName().equals("canary") ? canary : active;
      } catch (YggdrasilInvalidInputException e) {
        throw new AssertionError(e);
      }
    };
  }

  /** Each answer that another version gave than must have, and entities that changed sides. */
  static List<String> violations(List<Answer> answers, UnaryOperator<String> versionOf) {
    List<String> violations = new ArrayList<>();
    Map<String, String> seen = new HashMap<>();
    for (Answer answer : answers) {
      String expected = versionOf.apply(answer.entity());
      if (!answer.version().equals(expected)) {
        violations.add(answer + ", expected " + expected);
      }
      String before = seen.putIfAbsent(String.valueOf(answer.entity()), answer.version());
      if (before != null && !before.equals(answer.version())) {
        violations.add(answer + ", expected " + before + " as before");
      }
    }
    return violations;
  }
}
