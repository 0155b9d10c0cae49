package io.apgms.ml.flags;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.getunleash.engine.Context;
import io.getunleash.engine.UnleashEngine;
import io.getunleash.engine.VariantDef;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FlagSnapshotTest {
  private static final FlagContext ANYBODY = new FlagContext("risk-score", "t1", "e1");
  private static final String ACT =
      "\"variants\":[{\"name\":\"act\",\"weight\":1000,\"stickiness\":\"default\"}]";

  private static boolean acts(String strategy) {
    return Flags.parse(Flags.flag(strategy)).acts(ANYBODY);
  }

  @Test
  void parse_asShipped_neverActs() throws Exception {
    FlagSnapshot shipped = Flags.parse(Files.readString(Path.of("../conf/flags.json")));
    assertThat(shipped.canAct()).isFalse();
    assertThat(shipped.acts(ANYBODY)).isFalse();
  }

  @Test
  void parse_asShippedWithTheVariantRenamed_acts() throws Exception {
    String shipped = Files.readString(Path.of("../conf/flags.json"));
    assertThat(Flags.parse(shipped.replace("observe", "act")).acts(ANYBODY)).isTrue();
  }

  @Test
  void acts_defaultStrategyWithVariantAct_isTrue() {
    assertThat(acts("{\"name\":\"default\"," + ACT + "}")).isTrue();
  }

  @Test
  void acts_enabledWithoutVariants_isFalse() {
    assertThat(acts("{\"name\":\"default\"}")).isFalse();
  }

  @Test
  void acts_nothingToStickTo_isWhatTheSdkSays() {
    FlagContext nobody = new FlagContext("risk-score", "t1", null);
    assertThat(Flags.parse(Flags.withVariant("act")).said(nobody)).isEqualTo(Flag.Word.OFF);
    String atRandom = Flags.withVariant("act").replace("\"entityId\"", "\"default\"");
    assertThat(Flags.parse(atRandom).said(nobody)).isEqualTo(Flag.Word.ACT);
    assertThat(Flags.parse(Flags.withVariant("act")).acts(FlagContext.whoever("m"))).isTrue();
    assertThat(Flags.parse(Flags.withRollout("act", 99)).acts(FlagContext.whoever("m"))).isFalse();
  }

  @Test
  void said_strategyThatLeavesItOut_isOffAndAnotherVariantIsObserve() {
    assertThat(Flags.parse(Flags.withRollout("act", 0)).said(ANYBODY)).isEqualTo(Flag.Word.OFF);
    assertThat(Flags.parse(Flags.withVariant("observe")).said(ANYBODY))
        .isEqualTo(Flag.Word.OBSERVE);
  }

  @Test
  void acts_flagDisabled_isFalse() {
    String document = Flags.withVariant("act").replace("\"enabled\":true", "\"enabled\":false");
    assertThat(Flags.parse(document).canAct()).isFalse();
  }

  @Test
  void acts_anotherFlag_isFalse() {
    String document = Flags.withVariant("act").replace("ML_DECISION_MODE", "ML_OTHER");
    assertThat(Flags.parse(document).canAct()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"name\":\"userWithId\",\"parameters\":{\"userIds\":\"e1\"}," + "ACT}",
        "{\"name\":\"default\",\"constraints\":[{\"contextName\":\"modelId\","
            + "\"operator\":\"SEMVER_GT\",\"values\":[\"1.0.0\"]}],ACT}",
        "{\"name\":\"default\",\"constraints\":[{\"contextName\":\"region\","
            + "\"operator\":\"NOT_IN\",\"values\":[\"au\"]}],ACT}",
        "{\"name\":\"default\",\"segments\":[7],ACT}",
        "{\"name\":\"default\",\"constraints\":{},ACT}",
        "{\"name\":\"flexibleRollout\",\"parameters\":{\"rollout\":\"101\"},ACT}",
        "{\"name\":\"flexibleRollout\",\"parameters\":{\"rollout\":\"-1\"},ACT}",
        "{\"name\":\"flexibleRollout\",\"parameters\":{\"rollout\":\"100\","
            + "\"stickiness\":\"random\"},ACT}",
        "{\"name\":\"default\",\"variants\":[{\"name\":\"act\",\"weight\":\"1000\"}]}",
        "{\"name\":\"default\",\"variants\":[{\"name\":\"act\",\"weight\":1000,"
            + "\"overrides\":[{\"contextName\":\"userId\",\"values\":[\"x\"]}]}]}"
      })
  void acts_partNotUnderstood_isFalse(String strategy) {
    assertThat(acts(strategy.replace("ACT", ACT))).isFalse();
  }

  @Test
  void acts_strategyNotUnderstoodBeforeOneThatActs_isFalse() {
    assertThat(acts("{\"name\":\"mine\"},{\"name\":\"default\"," + ACT + "}")).isFalse();
  }

  @Test
  void acts_parentFlag_isFalse() {
    String document =
        Flags.withVariant("act")
            .replace("\"enabled\":true", "\"enabled\":true,\"dependencies\":[{\"feature\":\"p\"}]");
    assertThat(Flags.parse(document).canAct()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "<html>no</html>",
        "null",
        "[]",
        "7",
        "{}",
        "{\"features\":null}",
        "{\"features\":{}}",
        "{\"features\":\"ML_DECISION_MODE\"}",
        "{\"features\":[1]}",
        "{\"features\":[{}]}",
        "{\"features\":[{\"name\":7}]}",
        "{\"features\":[],\"features\":[]}",
        "{\"features\":["
      })
  void parse_noFlagsDocument_isRefused(String document) {
    assertThatThrownBy(() -> FlagSnapshot.parse(document))
        .isInstanceOf(FlagSnapshot.Malformed.class);
  }

  @Test
  void parse_noFlagsAtAll_neverActs() throws Exception {
    assertThat(FlagSnapshot.parse("{\"features\":[]}").canAct()).isFalse();
  }

  @Test
  void acts_constraintsAndRollouts_agreesWithTheSdk() throws Exception {
    int acted = agreements(Rollouts::context);
    assertThat(acted).as("decisions that act").isBetween(5_000, 35_000);
  }

  /** The control: a hash of another group must be noticed. */
  @Test
  void acts_otherGroup_disagreesWithTheSdk() {
    assertThatThrownBy(
            () ->
                agreements(
                    context ->
                        new FlagContext(
                            context.modelId(), context.tenant(), "x" + context.entityId())))
        .isInstanceOf(AssertionError.class);
  }

  private static int agreements(java.util.function.UnaryOperator<FlagContext> ours)
      throws Exception {
    int acted = 0;
    UnleashEngine engine = new UnleashEngine();
    for (long seed = 0; seed < 400; seed++) {
      Rollouts random = new Rollouts(new SplittableRandom(seed));
      String document = random.document();
      engine.takeState(document);
      FlagSnapshot flag = Flags.parse(document);
      for (int i = 0; i < 100; i++) {
        FlagContext context = random.nextContext();
        VariantDef variant = engine.getVariant(FlagSnapshot.FLAG, sdk(context)).value;
        boolean expected = variant != null && variant.getName().equals("act");
        boolean acts = flag.acts(ours.apply(context));
        if (context.entityId() == null && !acts) {
          continue; // the SDK may have drawn at random
        }
        assertThat(acts).as("seed %d, %s, %s", seed, context, document).isEqualTo(expected);
        acted += expected ? 1 : 0;
      }
    }
    return acted;
  }

  private static Context sdk(FlagContext context) {
    Context sdk = new Context();
    Map<String, String> properties = new HashMap<>();
    properties.put("modelId", context.modelId());
    properties.put("tenant", context.tenant());
    if (context.entityId() != null) {
      sdk.setUserId(context.entityId());
      properties.put("entityId", context.entityId());
    }
    sdk.setProperties(properties);
    return sdk;
  }
}
