package io.apgms.ml.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.nimbusds.jose.JOSEObjectType;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import no.nav.security.mock.oauth2.MockOAuth2Server;
import no.nav.security.mock.oauth2.OAuth2Config;
import no.nav.security.mock.oauth2.token.DefaultOAuth2TokenCallback;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Against a real issuer: discovery, RS256 and a key set over HTTP. */
class OidcIssuerTest {
  private static final String AUDIENCE = "ml-service";

  private final Vertx vertx = Vertx.vertx();
  private MockOAuth2Server server =
      new MockOAuth2Server(OAuth2Config.Companion.fromJson("{\"httpServer\":\"NettyWrapper\"}"));

  @BeforeEach
  void start() throws Exception {
    server.start(InetAddress.getLoopbackAddress(), 0);
  }

  @AfterEach
  void stop() throws Exception {
    server.shutdown();
    get(vertx.close());
  }

  private static <T> T get(Future<T> future) throws Exception {
    return future.toCompletionStage().toCompletableFuture().get(10, TimeUnit.SECONDS);
  }

  private OidcIssuer issuer() throws Exception {
    return get(OidcIssuer.open(vertx, server.issuerUrl("main").toString(), AUDIENCE));
  }

  private String token(String issuer, String audience, long expirySeconds) {
    return server
        .issueToken(
            issuer,
            "client",
            new DefaultOAuth2TokenCallback(
                issuer,
                "ann",
                JOSEObjectType.JWT.getType(),
                List.of(audience),
                Map.of("roles", List.of("oncall", "emperor"), "tenant", "t1"),
                expirySeconds))
        .serialize();
  }

  private static int refused(Future<Caller> verified) throws Exception {
    try {
      get(verified);
    } catch (java.util.concurrent.ExecutionException e) {
      return ((Problem) e.getCause()).status();
    }
    throw new AssertionError("taken");
  }

  @Test
  void verify_goodToken_isTheCaller() throws Exception {
    Caller caller = get(issuer().verify(token("main", AUDIENCE, 60)));
    assertThat(caller.subject()).isEqualTo("ann");
    assertThat(caller.tenant()).isEqualTo("t1");
    assertThat(caller.roles()).containsExactly("oncall");
  }

  @Test
  void verify_wrongAudienceIssuerOrTime_is401() throws Exception {
    OidcIssuer issuer = issuer();
    assertThat(refused(issuer.verify(token("main", "another", 60)))).isEqualTo(401);
    assertThat(refused(issuer.verify(token("other", AUDIENCE, 60)))).isEqualTo(401);
    assertThat(refused(issuer.verify(token("main", AUDIENCE, -60)))).isEqualTo(401);
  }

  @Test
  void verify_expiredWithinTheSkew_isTaken() throws Exception {
    assertThat(get(issuer().verify(token("main", AUDIENCE, -10))).subject()).isEqualTo("ann");
  }

  /** What only who has the issuer's key can sign, and still is no good. */
  @ParameterizedTest
  @ValueSource(strings = {"no exp", "exp in text", "no sub", "numeric sub", "good"})
  void verify_claimsMissingOrOfAnotherType_is401(String wrong) throws Exception {
    try (StubIssuer stub = new StubIssuer(vertx)) {
      OidcIssuer issuer = get(OidcIssuer.open(vertx, stub.url(), AUDIENCE));
      JsonObject claims = stub.claims(AUDIENCE);
      switch (wrong) {
        case "no exp" -> claims.remove("exp");
        case "exp in text" -> claims.put("exp", "tomorrow");
        case "no sub" -> claims.remove("sub");
        case "numeric sub" -> claims.put("sub", 7);
        default -> assertThat(get(issuer.verify(stub.sign(claims))).subject()).isEqualTo("ann");
      }
      if (!wrong.equals("good")) {
        assertThat(refused(issuer.verify(stub.sign(claims)))).isEqualTo(401);
      }
    }
  }

  @Test
  void verify_keysRotated_newOnesAreFoundAndOldOnesDropped() throws Exception {
    AtomicLong nanos = new AtomicLong();
    try (StubIssuer stub = new StubIssuer(vertx)) {
      OidcIssuer issuer = get(OidcIssuer.open(vertx, stub.url(), AUDIENCE, nanos::get));
      String old = stub.sign(stub.claims(AUDIENCE));
      assertThat(get(issuer.verify(old)).subject()).isEqualTo("ann");
      stub.rotate();
      String fresh = stub.sign(stub.claims(AUDIENCE));
      assertThat(refused(issuer.verify(fresh))).as("asked a moment ago").isEqualTo(401);
      int asked = stub.asked();
      nanos.addAndGet(TimeUnit.SECONDS.toNanos(11));
      assertThat(get(issuer.verify(fresh)).subject()).isEqualTo("ann");
      assertThat(refused(issuer.verify(old))).isEqualTo(401);
      for (int i = 0; i < 100; i++) {
        assertThat(refused(issuer.verify(old))).isEqualTo(401);
      }
      assertThat(stub.asked()).as("times the issuer was asked").isEqualTo(asked + 1);
    }
  }

  /** A symmetric key among the published ones verifies nothing. */
  @Test
  void verify_signedWithAPublishedSecret_is401() throws Exception {
    try (StubIssuer stub = new StubIssuer(vertx)) {
      OidcIssuer issuer = get(OidcIssuer.open(vertx, stub.url(), AUDIENCE));
      assertThat(refused(issuer.verify(stub.signSymmetric(stub.claims(AUDIENCE))))).isEqualTo(401);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "a",
        "a.b.c",
        "e30.e30.",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.",
        "eyJhbGciOiJIUzI1NiIsImtpZCI6Im1haW4ifQ.eyJzdWIiOiJhbm4ifQ.AAAA",
        "eyJhbGciOjd9.e30.AAAA"
      })
  void verify_noTokenOfTheIssuer_is401(String text) throws Exception {
    assertThat(refused(issuer().verify(text))).isEqualTo(401);
  }

  @Test
  void verify_oneCharacterChanged_is401() throws Exception {
    OidcIssuer issuer = issuer();
    String token = token("main", AUDIENCE, 60);
    int signature = token.lastIndexOf('.') + 5;
    char other = token.charAt(signature) == 'A' ? 'B' : 'A';
    String altered = token.substring(0, signature) + other + token.substring(signature + 1);
    assertThat(refused(issuer.verify(altered))).isEqualTo(401);
    assertThat(get(issuer.verify(token)).subject()).isEqualTo("ann");
  }

  @Test
  void verify_issuerAwayAtTheStart_is503UntilItIsBack() throws Exception {
    int port = server.baseUrl().port();
    String url = server.issuerUrl("main").toString();
    server.shutdown();
    OidcIssuer issuer = get(OidcIssuer.open(vertx, url, AUDIENCE));
    server =
        new MockOAuth2Server(OAuth2Config.Companion.fromJson("{\"httpServer\":\"NettyWrapper\"}"));
    String early = "eyJhbGciOiJSUzI1NiIsImtpZCI6Im1haW4ifQ.e30.AAAA";
    assertThat(refused(issuer.verify(early))).isEqualTo(503);
    server.start(InetAddress.getLoopbackAddress(), port);
    assertThat(get(issuer.verify(token("main", AUDIENCE, 60))).subject()).isEqualTo("ann");
  }

  @Test
  void verify_issuerGoesAway_servesOnWithTheLastKeys() throws Exception {
    OidcIssuer issuer = issuer();
    String token = token("main", AUDIENCE, 60);
    server.shutdown();
    assertThat(get(issuer.verify(token)).subject()).isEqualTo("ann");
    server =
        new MockOAuth2Server(OAuth2Config.Companion.fromJson("{\"httpServer\":\"NettyWrapper\"}"));
    server.start(InetAddress.getLoopbackAddress(), 0);
  }
}
