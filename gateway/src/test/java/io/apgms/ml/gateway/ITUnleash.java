package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.getunleash.DefaultUnleash;
import io.getunleash.Unleash;
import io.getunleash.UnleashContext;
import io.getunleash.util.UnleashConfig;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real Unleash server says what a real process does. */
class ITUnleash {
  private static final boolean SOAK = Boolean.getBoolean("soak");
  private static final String FEATURE = "/projects/default/features/ML_DECISION_MODE";
  private static final String PRODUCTION = FEATURE + "/environments/production";
  private static final ObjectMapper JSON = new ObjectMapper();

  /** One that nothing is held of: what is looked at is the mode, neither its log nor the cap. */
  private static final String CASE =
      """
      {"modelId":"risk-score","inputs":{"liquidity_ratio":1.8,"cash_burn_rate":0.1,\
      "revenue_variance":0.2,"late_lodgements_12m":0,"days_since_last_lodgement":20,\
      "payroll_to_revenue":0.3,"tax_debt_ratio":0.05,"industry_volatility":0.2,\
      "account_age_months":120,"refund_claim_ratio":0.05,"director_changes_24m":0,\
      "transaction_anomalies_30d":0}}""";

  private static final Duration SOON = Duration.ofSeconds(12); // poll, hold-down and slack

  @TempDir static Path dir;
  private static EmbeddedPostgres postgres;
  private static UnleashServer unleash;
  private static RunningService service;
  private static String firstSetup;
  private static long actSetNanos = System.nanoTime();

  /** The service first: with the flag service away it must be ready, and observe. */
  @BeforeAll
  static void start() throws Exception {
    postgres = Cluster.at(dir.resolve("cluster")).start();
    unleash = new UnleashServer(dir);
    service =
        RunningService.start(
            dir,
            Map.of(
                "UNLEASH_URL",
                unleash.url(),
                "UNLEASH_API_TOKEN",
                UnleashServer.BACKEND_TOKEN,
                "ML_DATABASE_URL",
                "postgresql://postgres:postgres@127.0.0.1:" + postgres.getPort() + "/postgres"));
    assertThat(decision("risk-score", null, null).path("modeSource").asText()).isEqualTo("default");
    unleash.start(postgres);
    unleash.awaitReady();
    firstSetup = setup(0, "production");
    RunningService.await(SOON, () -> source().equals("unleash"));
  }

  @AfterAll
  static void stop() throws Exception {
    if (service != null) {
      service.close();
    }
    if (unleash != null) {
      unleash.close();
    }
    if (postgres != null) {
      postgres.close();
    }
  }

  private static String setup(int exit, String environment, String... more) throws Exception {
    List<String> words = new ArrayList<>(List.of("flags", "setup", "--url", unleash.url()));
    words.addAll(List.of("--environment", environment));
    words.addAll(List.of(more));
    return service.run(
        Map.of("UNLEASH_ADMIN_TOKEN", UnleashServer.ADMIN_TOKEN),
        exit,
        words.toArray(new String[0]));
  }

  private static JsonNode decision(String model, String entity, String token) {
    try {
      ObjectNode body = (ObjectNode) JSON.readTree(CASE);
      if (model.equals("credit-default")) {
        body.put("modelId", model).set("inputs", creditInputs());
      }
      if (entity != null) {
        body.put("entityId", entity);
      }
      HttpResponse<String> answer =
          service.api(
              "POST",
              "/ml/score",
              body.toString(),
              token == null ? Map.of() : Map.of("Authorization", "Bearer " + token));
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
      return RunningService.json(answer).path("decision");
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static JsonNode creditInputs() throws Exception {
    ObjectNode inputs = JSON.createObjectNode();
    HttpResponse<String> model = service.api("GET", "/ml/models/credit-default", null);
    for (JsonNode feature : RunningService.json(model).path("features")) {
      inputs.put(feature.path("name").asText(), 0);
    }
    return inputs;
  }

  private static boolean acts() {
    return acts("risk-score", "company-17", null);
  }

  private static boolean acts(String model, String entity, String token) {
    return decision(model, entity, token).path("mode").asText().equals("act");
  }

  private static String source() {
    return decision("risk-score", "company-17", null).path("modeSource").asText();
  }

  private static long ageMs() {
    return decision("risk-score", "company-17", null).path("flagAgeMs").asLong();
  }

  /** What somebody at Unleash's console would set. */
  private static void set(int rollout, int act, String... constraints) throws Exception {
    actSetNanos = act > 0 ? System.nanoTime() : actSetNanos;
    String id = unleash.admin("GET", PRODUCTION + "/strategies", null).path(0).path("id").asText();
    unleash.admin(
        "PUT",
        PRODUCTION + "/strategies/" + id,
        """
        {"name":"flexibleRollout","parameters":{"rollout":"%d","stickiness":"entityId",\
        "groupId":"ML_DECISION_MODE"},"constraints":[%s],"variants":[\
        {"name":"act","weight":%d,"weightType":"fix","stickiness":"entityId"},\
        {"name":"observe","weight":%d,"weightType":"variable","stickiness":"entityId"}]}"""
            .formatted(rollout, String.join(",", constraints), act, 1_000 - act));
  }

  private static String only(String field, String value) {
    return """
        {"contextName":"%s","operator":"IN","values":["%s"],"caseInsensitive":false,\
        "inverted":false}"""
        .formatted(field, value);
  }

  private static void switchTo(String onOrOff) throws Exception {
    unleash.admin("POST", PRODUCTION + "/" + onOrOff, "{}");
  }

  /** How long it took to become true, in ms. */
  private static long until(BooleanSupplier condition) throws InterruptedException {
    long began = System.nanoTime();
    RunningService.await(SOON, condition);
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
  }

  /** So that a flip is measured and not what holds it back. */
  private static void pastTheHoldDown() throws InterruptedException {
    long end = actSetNanos + TimeUnit.SECONDS.toNanos(8);
    RunningService.await(Duration.ofSeconds(9), () -> System.nanoTime() - end > 0);
  }

  private static String figures(List<Long> ms) {
    long[] sorted = ms.stream().mapToLong(Long::longValue).sorted().toArray();
    return Arrays.toString(
        new long[] {sorted[0], sorted[sorted.length / 2], sorted[sorted.length - 1]});
  }

  @Test
  void flip_actAndBack_isInForceWithinThreeSeconds() throws Exception {
    List<Long> toAct = new ArrayList<>();
    List<Long> toObserve = new ArrayList<>();
    List<Long> off = new ArrayList<>();
    set(100, 0);
    until(() -> !acts());
    for (int i = 0; i < (SOAK ? 20 : 2); i++) {
      pastTheHoldDown();
      set(100, 1_000);
      toAct.add(until(ITUnleash::acts));
      if (i % 2 == 0) {
        set(100, 0);
        toObserve.add(until(() -> !acts()));
      } else { // the kill switch
        switchTo("off");
        off.add(until(() -> !acts()));
        assertThat(source()).isEqualTo("unleash");
        set(100, 0);
        switchTo("on");
      }
    }
    System.out.printf(
        "flag flips, least, median and most ms: act %s, observe %s, switched off %s%n",
        figures(toAct), figures(toObserve), figures(off));
    assertThat(Stream.of(toAct, toObserve, off).flatMap(List::stream)).allMatch(ms -> ms < 3_000);
  }

  private static Unleash sdk() {
    return new DefaultUnleash(
        UnleashConfig.builder()
            .appName("oracle")
            .unleashAPI(unleash.url() + "/api")
            .apiKey(UnleashServer.BACKEND_TOKEN)
            .backupFile(dir.resolve("sdk-backup.json").toString())
            .fetchTogglesInterval(1)
            .synchronousFetchOnInitialisation(true)
            .disableMetrics()
            .build());
  }

  private static boolean actsBySdk(Unleash sdk, String entity) {
    UnleashContext context =
        UnleashContext.builder()
            .userId(entity)
            .addProperty("entityId", entity)
            .addProperty("modelId", "risk-score")
            .build();
    return sdk.getVariant("ML_DECISION_MODE", context).getName().equals("act");
  }

  /** Which of these the service acts on, about so many, and that it agrees with the SDK on each. */
  private static Map<String, Boolean> agreed(int entities, int percent) throws Exception {
    Unleash sdk = sdk();
    try {
      Map<String, Boolean> expected = new HashMap<>();
      RunningService.await(
          SOON, // Unleash itself gives out for a moment what was set before
          () -> {
            for (int i = 0; i < entities; i++) {
              expected.put("company-" + i, actsBySdk(sdk, "company-" + i));
            }
            long acting = expected.values().stream().filter(a -> a).count();
            return Math.abs(acting - entities * percent / 100.0) < 0.08 * entities
                && expected.entrySet().stream().limit(40).allMatch(ITUnleash::same);
          });
      assertThat(expected.entrySet()).allMatch(ITUnleash::same);
      return expected;
    } finally {
      sdk.shutdown();
    }
  }

  private static boolean same(Map.Entry<String, Boolean> expected) {
    return acts("risk-score", expected.getKey(), null) == expected.getValue();
  }

  @Test
  void rollout_gradual_sticksToTheEntityAndAgreesWithTheSdk() throws Exception {
    int entities = SOAK ? 2_000 : 300;
    set(30, 1_000);
    Map<String, Boolean> at30 = agreed(entities, 30);
    long acting = at30.values().stream().filter(a -> a).count();
    System.out.printf("a rollout of 30 %%: %d of %d entities%n", acting, entities);
    assertThat(at30.entrySet()).allMatch(ITUnleash::same); // the same once more

    set(60, 1_000);
    Map<String, Boolean> at60 = agreed(entities, 60);
    assertThat(at30.keySet()).allMatch(e -> !at30.get(e) || at60.get(e)); // nobody falls out
    assertThat(acts("risk-score", null, null)).as("nothing to stick to").isFalse();
  }

  @Test
  void constraints_onModelAndTenant_actOnTheseAlone() throws Exception {
    String t1 = service.run(Map.of(), 0, words("token --subject a --role scorer --tenant t1"));
    String t2 = service.run(Map.of(), 0, words("token --subject b --role scorer --tenant t2"));
    set(100, 1_000, only("modelId", "risk-score"), only("tenant", "t1"));
    RunningService.await(SOON, () -> acts("risk-score", "e", t1) && !acts("risk-score", "e", t2));
    assertThat(acts("risk-score", "e", t2)).isFalse();
    assertThat(acts("risk-score", "e", null)).isFalse();
    assertThat(acts("credit-default", "e", t1)).isFalse();

    set(100, 1_000, only("modelId", "credit-default"));
    RunningService.await(SOON, () -> acts("credit-default", "e", t1));
    assertThat(acts("credit-default", "e", null)).isTrue();
    assertThat(acts("risk-score", "e", t1)).isFalse();
  }

  private static String[] words(String text) {
    return text.split(" ", -1);
  }

  /** What Unleash has been told of the flag by this service: yes, no and act. */
  private static long[] told() {
    try {
      long[] sums = new long[3];
      for (JsonNode hour :
          unleash
              .admin("GET", "/client-metrics/features/ML_DECISION_MODE/raw?hoursBack=2", null)
              .path("data")) {
        if (hour.path("appName").asText().equals("ml-service")) {
          sums[0] += hour.path("yes").asLong();
          sums[1] += hour.path("no").asLong();
          sums[2] += hour.path("variants").path("act").asLong();
        }
      }
      return sums;
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void usage_ofTheFlag_arrivesThere() throws Exception {
    set(100, 1_000);
    until(ITUnleash::acts);
    double before = SOAK ? service.metric("apgms_ml_decisions_total", "mode=\"act\"") : 0;
    for (int i = 0; i < 50; i++) {
      assertThat(acts()).isTrue();
    }
    RunningService.await(Duration.ofSeconds(40), () -> told()[2] > before);
    long[] sums = told();
    System.out.printf("told Unleash: %d yes, of which %d act, %d no%n", sums[0], sums[2], sums[1]);
    assertThat((double) sums[0] + sums[1])
        .isLessThanOrEqualTo(service.metric("apgms_ml_decisions_total"));
    assertThat(unleash.admin("GET", "/metrics/applications", null).toString())
        .contains("\"ml-service\"");
  }

  @Test
  void outage_stoppedServer_agesThenIsStaleThenIsBack() throws Exception {
    set(100, 1_000);
    until(ITUnleash::acts);
    assertThat(ageMs()).isLessThan(3_000);
    unleash.signal("STOP");
    long recoveredMs;
    try {
      RunningService.await(Duration.ofSeconds(10), () -> ageMs() > 3_200);
      assertThat(service.metric("apgms_ml_flag_age_seconds", "risk-score")).isGreaterThan(3);
      assertThat(acts()).isTrue();
      if (SOAK) {
        RunningService.await(Duration.ofSeconds(32), () -> !acts());
        assertThat(source()).isEqualTo("stale");
        assertThat(ageMs()).isBetween(30_000L, 33_000L);
      }
    } finally {
      unleash.signal("CONT");
      recoveredMs = until(() -> ageMs() < 2_000 && acts());
    }
    System.out.printf("back %d ms after the server went on%n", recoveredMs);
    assertThat(recoveredMs).isLessThan(5_000);
  }

  @Test
  void setup_onceAndAgain_makesWhatIsMissingAndNothingElse() throws Exception {
    assertThat(firstSetup)
        .contains(
            "context field entityId",
            "flag ML_DECISION_MODE",
            "flag ML_CANARY",
            "switched on",
            "9 made")
        .doesNotContain(UnleashServer.ADMIN_TOKEN);
    String path = FEATURE + "/environments/development";
    assertThat(setup(0, "development", "--dry-run")).contains("4 would be made");
    assertThat(unleash.admin("GET", path + "/strategies", null)).isEmpty();
    assertThat(setup(0, "development"))
        .contains("everybody observes", "nobody gets a canary", "4 made");
    JsonNode made = unleash.admin("GET", path + "/strategies", null);
    JsonNode again = JSON.readTree(setup(0, "development", "--json"));
    assertThat(again.path("made").asInt()).isZero();
    assertThat(again.path("items")).allMatch(i -> i.path("state").asText().equals("unchanged"));
    assertThat(unleash.admin("GET", path + "/strategies", null)).isEqualTo(made);

    unleash.admin("POST", path + "/off", "{}"); // the kill switch, and a weight for act
    String strategy = path + "/strategies/" + made.path(0).path("id").asText();
    ObjectNode byHand = made.path(0).deepCopy();
    ((ObjectNode) byHand.path("variants").path(0)).put("weight", 200).put("weightType", "fix");
    ((ObjectNode) byHand.path("variants").path(1)).put("weightType", "variable");
    byHand.retain("name", "parameters", "constraints", "variants");
    unleash.admin("PUT", strategy, byHand.toString());
    JsonNode changed = unleash.admin("GET", path + "/strategies", null);
    assertThat(setup(0, "development"))
        .contains("left as somebody set it", "switched off", "nothing to change");
    assertThat(unleash.admin("GET", path + "/strategies", null)).isEqualTo(changed);
  }

  @Test
  void setup_thatCannotBe_saysSoByItsExitCode() throws Exception {
    assertThat(setup(1, "nowhere")).contains("no environment 'nowhere'", "production");
    Map<String, String> token = Map.of("UNLEASH_ADMIN_TOKEN", "*:*.wrong");
    assertThat(service.run(token, 1, words("flags setup --url " + unleash.url())))
        .contains("answered 401", "UNLEASH_ADMIN_TOKEN")
        .doesNotContain("*:*.wrong");
  }
}
