package io.apgms.ml.gateway.http;

import io.apgms.ml.gateway.http.VerifiedTokens.Verified;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.auth.JWTOptions;
import io.vertx.ext.auth.PubSecKeyOptions;
import io.vertx.ext.auth.authentication.TokenCredentials;
import io.vertx.ext.auth.jwt.JWTAuth;
import io.vertx.ext.auth.jwt.JWTAuthOptions;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.util.Base64;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** What it costs to know who bears an RS256 token of a 2,048-bit key. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class TokenBench {
  private final Vertx vertx = Vertx.vertx();
  private final VerifiedTokens kept =
      new VerifiedTokens(
          System::currentTimeMillis, System::nanoTime, OidcIssuer.CLOCK_SKEW_SECONDS);
  private JWTAuth auth = JWTAuth.create(vertx, new JWTAuthOptions());
  private String token = "";

  /** A key of its own, and a token for an hour. */
  @Setup
  public void sign() throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2_048);
    KeyPair keys = generator.generateKeyPair();
    auth =
        JWTAuth.create(
            vertx,
            new JWTAuthOptions()
                .addPubSecKey(pem("PUBLIC KEY", keys.getPublic()))
                .addPubSecKey(pem("PRIVATE KEY", keys.getPrivate())));
    token =
        auth.generateToken(
            new JsonObject()
                .put("sub", "ann")
                .put("tenant", "t1")
                .put("roles", new JsonArray().add("scorer")),
            new JWTOptions().setAlgorithm("RS256").setExpiresInMinutes(60));
  }

  private static PubSecKeyOptions pem(String what, Key key) {
    String base64 = Base64.getMimeEncoder().encodeToString(key.getEncoded());
    return new PubSecKeyOptions()
        .setAlgorithm("RS256")
        .setBuffer("-----BEGIN " + what + "-----\n" + base64 + "\n-----END " + what + "-----\n");
  }

  /** Ends the event loops. */
  @TearDown
  public void close() {
    vertx.close().toCompletionStage().toCompletableFuture().join();
  }

  private Future<Verified> check(String text) {
    return auth.authenticate(new TokenCredentials(text)).map(TokenVerifier::verified);
  }

  /** The signature, the claims. */
  @Benchmark
  public Caller anew() {
    return check(token).result().caller();
  }

  /** The same token as a moment ago. */
  @Benchmark
  public Caller again() {
    return kept.verify(token, this::check).result();
  }
}
