package io.apgms.ml.gateway.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SettingsTest {
  private static final Path HOME = Path.of("..").toAbsolutePath().normalize();

  @Test
  void read_withNothingSet_hasTheDocumentedDefaults() {
    Settings s = Settings.read(HOME, Map.of());
    assertThat(s.http())
        .isEqualTo(
            new Settings.Http("127.0.0.1", 8080, 2, 65_536, 8_388_608, 4_096, 60_000, 2_000, 100));
    assertThat(s.management()).isEqualTo(new Settings.Management("127.0.0.1", 9090, 5_000));
    assertThat(s.data())
        .isEqualTo(
            new Settings.Data(
                HOME.resolve("data"), 1 << 30, true, HOME.resolve("data/keys/redaction")));
    assertThat(s.registry().dir()).isEqualTo(HOME.resolve("artifacts/models"));
    assertThat(s.registry().trust()).isEqualTo(HOME.resolve("conf/trust.json"));
    assertThat(s.registry().pins().of("risk-score")).isNull();
    assertThat(s.decision())
        .isEqualTo(new Settings.Decision(null, HOME.resolve("conf/flags.json"), 600));
    assertThat(s.database().url()).isEmpty();
    assertThat(s.unleash().url()).isEmpty();
  }

  /** Every line of the file names its variable, and the variable overrides that line. */
  @Test
  void read_withEachVariableOfTheFile_isOverridden() throws IOException {
    Pattern line = Pattern.compile("  [a-zA-Z]+: (\\S+) +# ([A-Z_]+): .+");
    List<String> keys =
        Files.readAllLines(HOME.resolve("conf/application.yaml")).stream()
            .filter(l -> l.startsWith("  "))
            .toList();
    assertThat(keys).hasSizeGreaterThan(20);
    for (String key : keys) {
      Matcher m = line.matcher(key);
      assertThat(m.matches()).as(key).isTrue();
      String preset = m.group(1).replace("\"\"", "");
      Settings same = Settings.read(HOME, Map.of(m.group(2), preset));
      assertThat(same.http()).as(key).isEqualTo(Settings.read(HOME, Map.of()).http());
      if (preset.matches("[0-9]+")) {
        assertThatThrownBy(() -> Settings.read(HOME, Map.of(m.group(2), "many")))
            .as(key)
            .isInstanceOf(SettingsException.class)
            .hasMessageContaining(m.group(2))
            .hasMessageContaining("many");
      }
    }
  }

  /** Each would have a PostgreSQL of its own, and be told of no promotion. */
  @ParameterizedTest
  @CsvSource({
    "edge, edge and not scoring",
    "'edge,data', edge and not scoring",
    "scoring, scoring and not edge",
    "'scoring,data', scoring and not edge"
  })
  void read_apartWithoutADatabaseForAll_isRefused(String roles, String why) {
    assertThatThrownBy(() -> Settings.read(HOME, Map.of("ML_ROLES", roles)))
        .isInstanceOf(SettingsException.class)
        .hasMessageContaining("database.url (ML_DATABASE_URL) is ''")
        .hasMessageContaining("cluster.roles (ML_ROLES) has " + why);
    Map<String, String> shared =
        Map.of("ML_ROLES", roles, "ML_DATABASE_URL", "postgresql://u:p@127.0.0.1/db");
    assertThat(Settings.read(HOME, shared).cluster().apart()).isTrue();
  }

  @ParameterizedTest
  @CsvSource({
    "ML_HTTP_PORT, 70000, 0 to 65535",
    "ML_HTTP_HOST, 0.0.0.0, loopback",
    "ML_MANAGEMENT_HOST, 0.0.0.0, loopback",
    "ML_AUTH, none, dev",
    "ML_AUTH, jwt, the issuer's URL",
    "ML_JWT_ISSUER, https://issuer.example, empty",
    "ML_DECISION_MODE, ACT, observe",
    "ML_DECISION_LOG, yes, true",
    "ML_MODEL_VERSION, latest, YYYYMMDD",
    "ML_MODEL_VERSION, 'risk-score=20261116,risk-score=20261123', model=V",
    "ML_TLS_CERT, cert.pem, a readable file",
    "ML_TLS_KEY, key.pem, a readable file",
    "ML_ACTION_SINKS, https://sink.example, whsec_",
    "ML_ACTION_SECRET, hunter2, whsec_",
    "ML_ACTION_SECRET, whsec_c2hvcnQ=, 24 to 64 bytes",
    "ML_ACTION_CONCURRENCY, 0, from 1 to 1024",
    "UNLEASH_URL, unleash:4242, http://unleash:4242/api",
    "UNLEASH_URL, http://u:p@unleash:4242, (one with a user)",
    "UNLEASH_API_TOKEN, 'a b', visible ASCII",
    "ML_DRAIN_MS, -1, from 0 to 60000",
    "ML_PROMETHEUS_URL, prometheus:9090, http or https",
    "ML_DRIFT_RETRAIN_AFTER_MS, 0, from 1 to 604800000",
    "ML_PAGERDUTY_ROUTING_KEY, 0123456789abcdef0123456789abcdef, empty while",
    "ML_PAGERDUTY_URL, https://events.pagerduty.com, integration key",
    "ML_PAGERDUTY_URL, http://events.pagerduty.com, https://events.pagerduty.com",
    "ML_PAGERDUTY_URL, https://u:p@events.pagerduty.com, (one with a user)"
  })
  void read_withABadValue_isRefusedNamingWhatIsExpected(
      String name, String value, String expected) {
    assertThatThrownBy(() -> Settings.read(HOME, Map.of(name, value)))
        .isInstanceOf(SettingsException.class)
        .hasMessageContaining("expected")
        .hasMessageContaining(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "https://issuer.example/main, ml-service, true",
    "http://127.0.0.1:8888/main, ml-service, true",
    "http://localhost/main, ml-service, true",
    "http://issuer.example/main, ml-service, false",
    "http://localhost.example/main, ml-service, false",
    "https://issuer.example/main?x=1, ml-service, false",
    "https://issuer.example/main, '', false"
  })
  void read_jwt_takesAnIssuerByTlsOrOnLoopback(String issuer, String audience, boolean taken) {
    Map<String, String> jwt =
        Map.of(
            "ML_AUTH",
            "jwt",
            "ML_JWT_ISSUER",
            issuer,
            "ML_JWT_AUDIENCE",
            audience,
            "ML_HTTP_HOST",
            "0.0.0.0");
    if (taken) {
      assertThat(Settings.read(HOME, jwt).auth().issuer()).isEqualTo(issuer);
    } else {
      assertThatThrownBy(() -> Settings.read(HOME, jwt)).isInstanceOf(SettingsException.class);
    }
  }

  @Test
  void read_actWithoutALog_isRefused() {
    Map<String, String> unsafe = Map.of("ML_DECISION_MODE", "act", "ML_DECISION_LOG", "false");
    assertThatThrownBy(() -> Settings.read(HOME, unsafe)).isInstanceOf(SettingsException.class);
  }

  @Test
  void read_withAnUnknownOrADuplicateKey_isRefused(@TempDir Path home) throws IOException {
    String file = Files.readString(HOME.resolve("conf/application.yaml"));
    Files.createDirectories(home.resolve("conf"));
    Files.writeString(home.resolve("conf/application.yaml"), file.replace("port: 8080", "prt: 1"));
    assertThatThrownBy(() -> Settings.read(home, Map.of("ML_HTTP_PORT", "1")))
        .hasMessageContaining("http.prt");
    Files.writeString(
        home.resolve("conf/application.yaml"), file.replace("port: 8080", "host: 127.0.0.1"));
    assertThatThrownBy(() -> Settings.read(home, Map.of())).isInstanceOf(SettingsException.class);
  }

  @Test
  void pins_byModelOrForAll_nameTheVersion() {
    Settings.Pins one =
        Settings.read(HOME, Map.of("ML_MODEL_VERSION", "20261116")).registry().pins();
    assertThat(one.of("any")).isEqualTo("20261116");
    Settings.Pins two =
        Settings.read(HOME, Map.of("ML_MODEL_VERSION", "a=20261116,b=20261123-2"))
            .registry()
            .pins();
    assertThat(two.of("a")).isEqualTo("20261116");
    assertThat(two.of("b")).isEqualTo("20261123-2");
    assertThat(two.of("c")).isNull();
  }

  @Test
  void toString_ofSecrets_hidesThem() {
    Settings s =
        Settings.read(
            HOME,
            Map.of(
                "ML_DATABASE_URL", "postgresql://u:hidden-1@127.0.0.1/db",
                "UNLEASH_API_TOKEN", "hidden-2",
                "ML_PAGERDUTY_URL", "https://events.pagerduty.com",
                "ML_PAGERDUTY_ROUTING_KEY", "hidden0000000000000000000000000z"));
    assertThat(s.pagerDuty()).isNotNull();
    assertThat(Settings.read(HOME, Map.of()).pagerDuty()).isNull();
    assertThat(s.alerts().driftAfterMs()).isEqualTo(7_200_000);
    assertThat(s.toString()).doesNotContain("hidden");
  }

  @Test
  void read_jira_isAllOrNothingAndByTls() {
    Map<String, String> all =
        Map.of(
            "ML_JIRA_URL", "https://site.atlassian.net",
            "ML_JIRA_PROJECT", "MLAPPROVAL",
            "ML_JIRA_EMAIL", "mirror@example.org",
            "ML_JIRA_TOKEN", "planted-secret");
    assertThat(Settings.read(HOME, Map.of()).jira()).isNull();
    assertThat(Settings.read(HOME, all).jira())
        .isEqualTo(
            new Settings.Jira(
                "https://site.atlassian.net",
                "MLAPPROVAL",
                "Task",
                "mirror@example.org",
                "planted-secret"));
    for (String key : all.keySet()) {
      Map<String, String> missing = new java.util.HashMap<>(all);
      missing.remove(key);
      assertThatThrownBy(() -> Settings.read(HOME, missing))
          .as(key)
          .isInstanceOf(SettingsException.class)
          .message()
          .doesNotContain("planted-secret");
    }
    Map<String, String> plain = new java.util.HashMap<>(all);
    plain.put("ML_JIRA_URL", "http://site.atlassian.net");
    assertThatThrownBy(() -> Settings.read(HOME, plain)).hasMessageContaining("ML_JIRA_URL");
  }
}
