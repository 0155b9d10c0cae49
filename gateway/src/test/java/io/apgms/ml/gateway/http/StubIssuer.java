package io.apgms.ml.gateway.http;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.Base64;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** An issuer that signs what no real one would, and changes its key when told. */
final class StubIssuer implements AutoCloseable {
  private static final byte[] SECRET = new byte[32];

  private final HttpServer server;
  private final AtomicInteger asked = new AtomicInteger();
  private volatile RSAKey key;

  StubIssuer(Vertx vertx) throws Exception {
    rotate();
    server =
        vertx
            .createHttpServer()
            .requestHandler(
                request -> {
                  boolean keys = request.path().equals("/keys");
                  asked.addAndGet(keys ? 1 : 0);
                  var unused = request.response().end((keys ? jwks() : discovery()).toBuffer());
                });
    server
        .listen(0, "127.0.0.1")
        .toCompletionStage()
        .toCompletableFuture()
        .get(5, TimeUnit.SECONDS);
  }

  private JsonObject discovery() {
    return new JsonObject().put("issuer", url()).put("jwks_uri", url() + "/keys");
  }

  private JsonObject jwks() {
    JsonObject secret =
        new JsonObject()
            .put("kty", "oct")
            .put("kid", "secret")
            .put("alg", "HS256")
            .put("k", Base64.getUrlEncoder().withoutPadding().encodeToString(SECRET));
    return new JsonObject()
        .put(
            "keys",
            new JsonArray().add(secret).add(new JsonObject(key.toPublicJWK().toJSONString())));
  }

  String url() {
    return "http://127.0.0.1:" + server.actualPort();
  }

  int asked() {
    return asked.get();
  }

  void rotate() throws Exception {
    key =
        new RSAKeyGenerator(2048)
            .keyID(UUID.randomUUID().toString())
            .algorithm(JWSAlgorithm.RS256)
            .keyUse(KeyUse.SIGNATURE)
            .generate();
  }

  JsonObject claims(String audience) {
    return new JsonObject()
        .put("iss", url())
        .put("aud", audience)
        .put("sub", "ann")
        .put("exp", Instant.now().getEpochSecond() + 60)
        .put("roles", new JsonArray().add("oncall"));
  }

  String sign(JsonObject claims) throws Exception {
    JWSObject token =
        new JWSObject(
            new JWSHeader.Builder(JWSAlgorithm.RS256).keyID(key.getKeyID()).build(),
            new Payload(claims.encode()));
    token.sign(new RSASSASigner(key));
    return token.serialize();
  }

  String signSymmetric(JsonObject claims) throws Exception {
    JWSObject token =
        new JWSObject(
            new JWSHeader.Builder(JWSAlgorithm.HS256).keyID("secret").build(),
            new Payload(claims.encode()));
    token.sign(new MACSigner(SECRET));
    return token.serialize();
  }

  @Override
  public void close() {
    server.close().toCompletionStage().toCompletableFuture().orTimeout(5, TimeUnit.SECONDS).join();
  }
}
