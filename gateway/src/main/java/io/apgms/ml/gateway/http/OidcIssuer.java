package io.apgms.ml.gateway.http;

import io.apgms.ml.gateway.http.VerifiedTokens.Verified;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.auth.JWTOptions;
import io.vertx.ext.auth.authentication.TokenCredentials;
import io.vertx.ext.auth.jwt.JWTAuth;
import io.vertx.ext.auth.jwt.JWTAuthOptions;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An OpenID Connect issuer: its keys are found by discovery, read again each five minutes and when
 * a token names a key that is not known, at most once in ten seconds. With the issuer away the last
 * keys serve on; a signing key it has withdrawn is dropped at the next reading, and with it
 * whatever was verified before.
 *
 * <p>Only public-key signatures are taken, so that nobody signs with a published key as a secret.
 *
 * @see <a href="https://openid.net/specs/openid-connect-discovery-1_0.html">OpenID Connect
 *     Discovery 1.0</a>
 * @see <a href="https://www.rfc-editor.org/rfc/rfc7517">RFC 7517, JSON Web Key</a>
 */
public final class OidcIssuer implements TokenVerifier {
  static final int CLOCK_SKEW_SECONDS = 30;

  private static final Logger LOG = LoggerFactory.getLogger(OidcIssuer.class);
  private static final long REFRESH_MS = 300_000;
  private static final long UNKNOWN_KEY_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final long FETCH_MS = 3_000;
  private static final int MAX_BYTES = 1 << 20;
  private static final int MAX_KEYS = 64;
  private static final int MAX_TOKEN = 8_192;
  private static final Set<String> PUBLIC_KEYS = Set.of("RSA", "EC", "OKP");
  private static final Set<String> ALGORITHMS =
      Set.of("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA");

  /** One reading of the keys, with what was verified by them. */
  private record Keys(Set<String> ids, JWTAuth auth, VerifiedTokens verified) {}

  private final Vertx vertx;
  private final HttpClient client;
  private final String issuer;
  private final String audience;
  private final LongSupplier nanoTime;
  private volatile @Nullable Keys keys;
  private @Nullable Future<Void> fetching; // guarded by this
  private long lastFetch; // monotonic, guarded by this

  private OidcIssuer(Vertx vertx, String issuer, String audience, LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    this.vertx = vertx;
    this.issuer = issuer;
    this.audience = audience;
    this.client =
        vertx.createHttpClient(
            new HttpClientOptions()
                .setConnectTimeout((int) FETCH_MS)
                .setKeepAlive(false) // five minutes later the issuer has closed it
                .setMaxChunkSize(8_192)
                .setDecompressionSupported(false));
  }

  /** Reads the issuer's keys; with the issuer away, tokens are refused until it has answered. */
  public static Future<OidcIssuer> open(Vertx vertx, String issuer, String audience) {
    return open(vertx, issuer, audience, System::nanoTime);
  }

  static Future<OidcIssuer> open(
      Vertx vertx, String issuer, String audience, LongSupplier nanoTime) {
    OidcIssuer opened = new OidcIssuer(vertx, issuer, audience, nanoTime);
    vertx.setPeriodic(REFRESH_MS, id -> opened.fetch());
    return opened.fetch().map(opened);
  }

  @Override
  public Future<Caller> verify(String token) {
    if (token.length() > MAX_TOKEN) {
      return Future.failedFuture(TokenVerifier.refused());
    }
    Keys known = keys;
    return known == null
        ? verifyAnew(token).map(Verified::caller)
        : known.verified.verify(token, this::verifyAnew);
  }

  private Future<Verified> verifyAnew(String token) {
    JsonObject header = header(token);
    if (header == null || !ALGORITHMS.contains(header.getString("alg"))) {
      return Future.failedFuture(TokenVerifier.refused());
    }
    Keys now = keys;
    Object id = header.getValue("kid");
    if (now != null && (id == null || now.ids.contains(String.valueOf(id)))) {
      return check(token, now);
    }
    return fetchSoon()
        .compose(
            v -> {
              Keys newer = keys;
              return newer == null
                  ? Future.failedFuture(
                      Problem.busy(503, "the token issuer's keys are not known yet, try again"))
                  : check(token, newer);
            });
  }

  private static Future<Verified> check(String token, Keys with) {
    return Future.<Verified>future(
            promise ->
                with.auth
                    .authenticate(new TokenCredentials(token))
                    .<Verified>map(TokenVerifier::verified)
                    .onComplete(promise))
        .recover(e -> Future.failedFuture(TokenVerifier.refused()));
  }

  private static @Nullable JsonObject header(String token) {
    int dot = token.indexOf('.');
    try {
      byte[] json = Base64.getUrlDecoder().decode(token.substring(0, Math.max(dot, 0)));
      JsonObject header = new JsonObject(new String(json, StandardCharsets.UTF_8));
      return header.getValue("alg") instanceof String ? header : null;
    } catch (RuntimeException e) {
      return null; // no JWT
    }
  }

  /** A token with a key that nobody knows must not make us ask the issuer each time. */
  private synchronized Future<Void> fetchSoon() {
    boolean lately = keys != null && nanoTime.getAsLong() - lastFetch < UNKNOWN_KEY_NANOS;
    return fetching != null || !lately ? fetch() : Future.succeededFuture();
  }

  /**
   * Reads the keys; one reading at a time, which never fails and keeps the last ones if it must.
   */
  private synchronized Future<Void> fetch() {
    if (fetching != null) {
      return fetching;
    }
    lastFetch = nanoTime.getAsLong();
    Future<Void> started =
        readKeys()
            .recover(e -> readKeys()) // once more: a connection may be lost
            .<Void>mapEmpty()
            .recover(
                e -> {
                  LOG.warn("the token issuer's keys could not be read: {}", e.toString());
                  return Future.succeededFuture();
                })
            .onComplete(done -> fetched());
    fetching = started.isComplete() ? null : started;
    return started;
  }

  private Future<Keys> readKeys() {
    return get(issuer.replaceAll("/$", "") + "/.well-known/openid-configuration")
        .map(this::jwksUri)
        .compose(this::get)
        .map(this::read);
  }

  private synchronized void fetched() {
    fetching = null;
  }

  private Future<JsonObject> get(String url) {
    RequestOptions request =
        new RequestOptions()
            .setAbsoluteURI(url)
            .setMethod(HttpMethod.GET)
            .setFollowRedirects(false)
            .setTimeout(FETCH_MS);
    return client
        .request(request)
        .compose(r -> r.send())
        .compose(
            response -> {
              if (response.statusCode() != 200) {
                throw new IllegalStateException("status " + response.statusCode());
              }
              Buffer body = Buffer.buffer();
              response.handler(
                  chunk -> {
                    if (body.length() + chunk.length() > MAX_BYTES) {
                      var unused = response.request().reset();
                    } else {
                      body.appendBuffer(chunk);
                    }
                  });
              return response.end().map(v -> new JsonObject(body));
            })
        .timeout(FETCH_MS, TimeUnit.MILLISECONDS);
  }

  private String jwksUri(JsonObject discovered) {
    if (!issuer.equals(discovered.getValue("issuer"))) {
      throw new IllegalStateException("discovery names another issuer than " + issuer);
    }
    return Objects.requireNonNull(discovered.getString("jwks_uri"), "no jwks_uri");
  }

  private Keys read(JsonObject jwks) {
    JWTAuthOptions options =
        new JWTAuthOptions()
            .setJWTOptions(
                new JWTOptions()
                    .setIssuer(issuer)
                    .setAudience(List.of(audience))
                    .setLeeway(CLOCK_SKEW_SECONDS));
    Set<String> ids = new HashSet<>();
    JsonArray found = jwks.getJsonArray("keys", new JsonArray());
    for (int i = 0; i < Math.min(found.size(), MAX_KEYS); i++) {
      JsonObject key = found.getJsonObject(i);
      boolean signs = !"enc".equals(key.getString("use"));
      if (signs && PUBLIC_KEYS.contains(key.getString("kty"))) {
        options.addJwk(key);
        ids.add(String.valueOf(key.getValue("kid")));
      }
    }
    if (ids.isEmpty()) {
      throw new IllegalStateException("no key for signatures among " + found.size());
    }
    Keys read =
        new Keys(
            Set.copyOf(ids),
            JWTAuth.create(vertx, options),
            new VerifiedTokens(System::currentTimeMillis, nanoTime, CLOCK_SKEW_SECONDS));
    keys = read;
    return read;
  }
}
