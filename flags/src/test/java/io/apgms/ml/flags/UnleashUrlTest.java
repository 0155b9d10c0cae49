package io.apgms.ml.flags;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class UnleashUrlTest {
  @ParameterizedTest
  @CsvSource({
    "http://unleash:4242, http://unleash:4242/api",
    "http://unleash:4242/, http://unleash:4242/api",
    "http://unleash:4242/api, http://unleash:4242/api",
    "https://flags.example/unleash/api/, https://flags.example/unleash/api",
    "http://[::1]:4242, http://[::1]:4242/api"
  })
  void api_ofAServerOrItsRoot_isTheRoot(String text, String root) {
    assertThat(UnleashUrl.api(text)).hasToString(root);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "unleash:4242", "ftp://unleash", "http://", "http://a b", "http://a?x=1"})
  void api_ofNoServer_isRefused(String text) {
    assertThatThrownBy(() -> UnleashUrl.api(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected");
  }

  @Test
  void api_withAPassword_isRefusedWithoutIt() {
    assertThatThrownBy(() -> UnleashUrl.api("http://u:planted@unleash"))
        .isInstanceOf(IllegalArgumentException.class)
        .message()
        .doesNotContain("planted");
  }
}
