package io.apgms.ml.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.crypto.MACSigner;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DevIssuerTest {
  @TempDir Path dir;
  private final Vertx vertx = Vertx.vertx();

  @AfterEach
  void close() throws Exception {
    vertx.close().toCompletionStage().toCompletableFuture().get(10, TimeUnit.SECONDS);
  }

  private static JsonObject claims() {
    return new JsonObject()
        .put("iss", "ml-service-dev")
        .put("aud", new JsonArray().add("ml-service"))
        .put("sub", "ann")
        .put("exp", Instant.now().getEpochSecond() + 60)
        .put("roles", new JsonArray().add("oncall"));
  }

  /** Signed with the issuer's own key. */
  private String sign(JsonObject claims) throws Exception {
    String key = Files.readString(dir.resolve("keys/dev-issuer.key")).strip();
    JWSObject token =
        new JWSObject(new JWSHeader(JWSAlgorithm.HS256), new Payload(claims.encode()));
    token.sign(new MACSigner(key.getBytes(StandardCharsets.UTF_8)));
    return token.serialize();
  }

  @Test
  void verify_whatItMinted_isTheCaller() throws Exception {
    DevIssuer issuer = DevIssuer.open(vertx, dir);
    Caller caller = issuer.verify(issuer.mint("ann", "t1", List.of("oncall"))).result();
    assertThat(caller).isEqualTo(new Caller("ann", "t1", java.util.Set.of("oncall")));
    assertThat(issuer.verify(sign(claims())).result().subject()).isEqualTo("ann");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"exp\":\"tomorrow\"}",
        "{\"exp\":\"1900000000\"}",
        "{\"exp\":null}",
        "{\"exp\":[1900000000]}",
        "{\"exp\":1000000000}",
        "{\"sub\":7}",
        "{\"sub\":\"\"}",
        "{\"iss\":\"another\"}",
        "{\"aud\":\"another\"}"
      })
  void verify_ownKeyButAnotherClaim_is401(String change) throws Exception {
    DevIssuer issuer = DevIssuer.open(vertx, dir);
    String token = sign(claims().mergeIn(new JsonObject(change)));
    assertThat(issuer.verify(token).cause())
        .isInstanceOfSatisfying(
            Problem.class, problem -> assertThat(problem.status()).isEqualTo(401));
  }
}
