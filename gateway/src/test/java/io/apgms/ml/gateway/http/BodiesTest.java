package io.apgms.ml.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.function.Supplier;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BodiesTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "application/json",
        "APPLICATION/JSON",
        "application/json;charset=utf-8",
        "application/json; charset=UTF-8",
        "application/json ; charset=\"utf-8\"",
        "application/json; profile=\"a; b\"; charset=utf-8"
      })
  void isJson_ofJson(String type) {
    assertThat(Bodies.isJson(type)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "json",
        "text/json",
        "text/plain",
        "application/jsonx",
        "application/json5",
        "application/json, text/plain",
        "application/json; charset=utf-16",
        "application/json; charset=latin1",
        "application/json; charset=utf-8; charset=utf-16",
        "application/json; charset",
        "application/json; charset=",
        "application/json;",
        "application/json/x",
        "application/ json",
        "application/problem+json",
        "application/x-www-form-urlencoded",
        "application/json\u0130"
      })
  void isJson_ofOtherTypes_isFalse(String type) {
    assertThat(Bodies.isJson(type)).isFalse();
  }

  @Test
  void isJson_ofALongHeader_isQuick() {
    String type = "application/json" + "; a=b".repeat(3_000) + "\"";
    Supplier<Boolean> asked = () -> Bodies.isJson(type);
    assertThat(Assertions.assertTimeoutPreemptively(Duration.ofSeconds(2), asked::get)).isFalse();
  }
}
