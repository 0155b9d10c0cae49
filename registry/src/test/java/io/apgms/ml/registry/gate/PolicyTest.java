package io.apgms.ml.registry.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.RegistryException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PolicyTest {
  private static final Path SHIPPED = Path.of("../conf/policy.yaml");

  private static Policy parse(String yaml) {
    return Policy.parse(yaml.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void read_shippedPolicy_isTheRunbooks() throws IOException {
    Policy policy = Policy.read(SHIPPED);

    assertThat(policy.bias())
        .isEqualTo(new Policy.Bias(0.02, Policy.Bound.point, 500, 100, 0.05, 0.01));
    assertThat(policy.smoke()).isEqualTo(new Policy.Smoke(750, 0.005, 200));
    assertThat(policy.digest())
        .isEqualTo("sha256:" + ArtifactStore.sha256(Files.readAllBytes(SHIPPED)));
  }

  @Test
  void read_shippedPolicy_explainsEveryLimit() throws IOException {
    assertThat(Files.readAllLines(SHIPPED).stream().filter(l -> l.matches(" +[a-zA-Z0-9]+: .*")))
        .hasSize(10)
        .allMatch(line -> line.contains("  # "));
  }

  @ParameterizedTest
  @CsvSource({
    "maxDelta: 0.02, maxDelta: 2, 'bias.maxDelta 2.0, expected 0.0 to 1.0'",
    "maxDelta: 0.02, maxDelta: .nan, maxDelta",
    "maxDelta: 0.02, maxDelta: '\"0.02\"', maxDelta",
    "maxDelta: 0.02, maxdelta: 0.02, maxDelta",
    "bound: point, bound: lower, bound",
    "bound: point, bound: 0, bound",
    "minGroupRows: 500, minGroupRows: 0, minGroupRows",
    "minGroupRows: 500, minGroupRows: 1.5, minGroupRows",
    "minRateRows: 100, minRateRows: , minRateRows",
    "p95Ms: 750, p95Ms: 0, p95Ms",
    "bias:, BIAS:, bias",
    "credit-default: data/canaries, Credit/..: data/canaries, no model id",
  })
  void parse_wrongKeyOrValue_isRefusedByName(String from, String to, String reason)
      throws IOException {
    String yaml = Files.readString(SHIPPED);
    assertThat(yaml).contains(from);

    assertThatThrownBy(() -> parse(yaml.replaceFirst(java.util.regex.Pattern.quote(from), to)))
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining("policy.yaml")
        .hasMessageContaining(reason);
  }

  @Test
  void parse_keyTwiceUnknownOrNothing_isRefused() throws IOException {
    String yaml = Files.readString(SHIPPED);

    assertThatThrownBy(() -> parse(yaml.replace("  bound: point", "  maxDelta: 1\n  bound: point")))
        .hasMessageContaining("maxDelta");
    assertThatThrownBy(() -> parse(yaml.replace("  bound: point", "  bound: point\n  soft: 1")))
        .hasMessageContaining("soft");
    assertThatThrownBy(() -> parse(yaml + "waive: all\n")).hasMessageContaining("waive");
    assertThatThrownBy(() -> parse("")).isInstanceOf(RegistryException.Corrupt.class);
  }

  @Test
  void read_noFile_isRefused() {
    assertThatThrownBy(() -> Policy.read(Path.of("absent.yaml")))
        .isInstanceOf(RegistryException.NotFound.class);
  }
}
