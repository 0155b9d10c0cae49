package io.apgms.ml.flags;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.getunleash.engine.Context;
import io.getunleash.engine.UnleashEngine;
import io.getunleash.engine.VariantDef;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CanaryShareTest {
  private final CanaryShare share = new DecisionModes(null).canary();
  private long now = Long.MAX_VALUE - TimeUnit.SECONDS.toNanos(3); // nanoTime may overflow

  private static String document(String strategies) {
    return Flags.flag(strategies).replace("ML_DECISION_MODE", CanaryShare.FLAG);
  }

  private static String tenth() {
    return document(
        """
        {"name":"flexibleRollout","parameters":{"rollout":"100","stickiness":"entityId",\
        "groupId":"ML_CANARY"},"variants":[\
        {"name":"active","weight":900,"stickiness":"entityId"},\
        {"name":"canary","weight":100,"stickiness":"entityId"}]}""");
  }

  private void fetched(String document) throws Exception {
    share.fetched(FlagDocument.parse(document).canary(), now);
  }

  private boolean chooses(String entity) {
    return share.chooses(new FlagContext("risk-score", "t1", entity), now);
  }

  @Test
  void chooses_beforeAnyFetch_nobody() {
    assertThat(chooses("e1")).isFalse();
  }

  @Test
  void chooses_aShareOfTheEntities_asTheSdkDoes() throws Exception {
    fetched(tenth());
    UnleashEngine engine = new UnleashEngine();
    engine.takeState(tenth());
    int chosen = 0;
    for (int i = 0; i < 5_000; i++) {
      Context context = new Context();
      context.setUserId("entity-" + i);
      context.setProperties(Map.of("modelId", "risk-score", "entityId", "entity-" + i));
      VariantDef variant = engine.getVariant(CanaryShare.FLAG, context).value;
      boolean expected = variant != null && variant.getName().equals("canary");
      assertThat(chooses("entity-" + i)).isEqualTo(expected).isEqualTo(chooses("entity-" + i));
      chosen += expected ? 1 : 0;
    }
    assertThat(chosen).isCloseTo(500, within(100));
  }

  @Test
  void chooses_withoutAnEntity_notEvenWhereItIsEverybodys() throws Exception {
    fetched(document("{\"name\":\"default\",\"variants\":[" + CANARY + "]}"));
    assertThat(chooses("e1")).isTrue();
    assertThat(chooses(null)).isFalse();
  }

  private static final String CANARY =
      "{\"name\":\"canary\",\"weight\":1000,\"stickiness\":\"default\"}";

  @Test
  void chooses_flagOlderThanThirtySeconds_nobody() throws Exception {
    fetched(document("{\"name\":\"default\",\"variants\":[" + CANARY + "]}"));
    now += TimeUnit.SECONDS.toNanos(30);
    assertThat(chooses("e1")).isTrue();
    now += 1;
    assertThat(chooses("e1")).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"name\":\"default\"}",
        "{\"name\":\"mine\",\"variants\":[CANARY]}",
        "{\"name\":\"default\",\"segments\":[7],\"variants\":[CANARY]}",
        "{\"name\":\"default\",\"variants\":[{\"name\":\"act\",\"weight\":1000}]}",
        "{\"name\":\"default\",\"variants\":[{\"name\":\"Canary\",\"weight\":1000}]}"
      })
  void chooses_anythingElse_nobody(String strategy) throws Exception {
    fetched(document(strategy.replace("CANARY", CANARY)));
    assertThat(chooses("e1")).isFalse();
  }

  /** Each flag is its own: neither variant says anything in the other one. */
  @Test
  void parse_bothFlags_areToldApart() throws Exception {
    FlagDocument mode = FlagDocument.parse(Flags.withVariant("act"));
    assertThat(mode.mode().canAct()).isTrue();
    assertThat(mode.canary().canAct()).isFalse();
    FlagDocument canary = FlagDocument.parse(tenth());
    assertThat(canary.mode().canAct()).isFalse();
    assertThat(canary.canary().canAct()).isTrue();
    FlagContext entity = new FlagContext("risk-score", "t1", "e1");
    assertThat(FlagDocument.parse(Flags.withVariant("canary")).mode().acts(entity)).isFalse();
  }
}
