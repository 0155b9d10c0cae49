package io.apgms.ml.gateway.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.hazelcast.config.Config;
import com.hazelcast.config.JoinConfig;
import io.apgms.ml.gateway.settings.ClusterSettings;
import io.apgms.ml.gateway.settings.Settings;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ClusteringTest {
  private static final Path HOME = Path.of("..").toAbsolutePath().normalize();
  private static final String URL = "postgresql://u:p@127.0.0.1/db";

  private static ClusterSettings settings(String... pairs) {
    Map<String, String> environment = new HashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      environment.put(pairs[i], pairs[i + 1]);
    }
    return Settings.read(HOME, environment).cluster();
  }

  @Test
  void roles_asPreset_needNoCluster() {
    assertThat(settings().apart()).isFalse();
    assertThat(settings("ML_ROLES", "data").apart()).isFalse();
    assertThat(settings("ML_ROLES", "edge,scoring").apart()).isFalse();
    assertThat(settings("ML_ROLES", "edge,data", "ML_DATABASE_URL", URL).apart()).isTrue();
    assertThat(settings("ML_ROLES", "scoring", "ML_DATABASE_URL", URL).apart()).isTrue();
  }

  @ParameterizedTest
  @CsvSource({
    "ML_ROLES, 'edge,edge', at most once",
    "ML_ROLES, '', at most once",
    "ML_ROLES, gateway, 'edge,scoring,data'",
    "ML_CLUSTER_HOST, 0.0.0.0, others reach",
    "ML_CLUSTER_MEMBERS, 'a:1,b c', host:port",
    "ML_CLUSTER_NAME, 'a b', A-Za-z0-9",
    "ML_CLUSTER_TLS_KEY, key.pem, a readable file"
  })
  void settings_thatCannotBe_areRefusedNamingWhatIsExpected(
      String name, String value, String expected) {
    assertThatThrownBy(() -> settings(name, value)).hasMessageContaining(expected);
  }

  /** One address, named members, nothing that calls out or can be called. */
  @Test
  void config_ofHazelcast_opensNothingThatIsNotAskedFor() {
    Config config =
        Clustering.config(
            settings("ML_CLUSTER_HOST", "127.0.0.1", "ML_CLUSTER_MEMBERS", "10.0.0.1:5701"));
    JoinConfig join = config.getNetworkConfig().getJoin();
    assertThat(join.getMulticastConfig().isEnabled()).isFalse();
    assertThat(join.getAutoDetectionConfig().isEnabled()).isFalse();
    assertThat(join.getTcpIpConfig().getMembers()).containsExactly("10.0.0.1:5701");
    assertThat(config.getNetworkConfig().isPortAutoIncrement()).isFalse();
    assertThat(config.getNetworkConfig().getInterfaces().getInterfaces())
        .containsExactly("127.0.0.1");
    assertThat(config.getNetworkConfig().getRestApiConfig().isEnabled()).isFalse();
    assertThat(config.getJetConfig().isEnabled()).isFalse();
    assertThat(config.getProperty("hazelcast.phone.home.enabled")).isEqualTo("false");
    assertThat(config.getProperty("hazelcast.graceful.shutdown.max.wait")).isEqualTo("5");
    assertThat(config.getProperty("hazelcast.socket.bind.any")).isEqualTo("false");
    assertThat(config.getSerializationConfig().getJavaSerializationFilterConfig())
        .satisfies(
            f -> {
              assertThat(f.getWhitelist().isListed("com.hazelcast.spi.exception.X")).isTrue();
              assertThat(f.getWhitelist().isListed("java.util.PriorityQueue")).isFalse();
              assertThat(f.getWhitelist().isListed("java.lang.RuntimeException")).isTrue();
            });
  }
}
