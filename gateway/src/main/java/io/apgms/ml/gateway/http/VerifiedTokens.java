package io.apgms.ml.gateway.http;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.vertx.core.Future;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Who bears the tokens that were verified lately, so that a signature is checked once and not at
 * each request. Belongs to one reading of the issuer's keys and is dropped with it.
 *
 * <p>Keyed by the token's SHA-256: no token is kept. What was refused is checked again each time.
 * Thread-safe.
 */
final class VerifiedTokens {
  static final int MOST = 10_000;
  static final Duration LONGEST = Duration.ofSeconds(60);

  private final Cache<ByteBuffer, Verified> kept;
  private final LongSupplier epochMs;
  private final int skewSeconds;

  /**
   * A verified token.
   *
   * @param expires {@code exp}, in seconds since 1970
   */
  record Verified(Caller caller, long expires) {}

  /**
   * @param epochMs the wall clock, which {@code exp} is on
   * @param nanoTime the clock of the longest time that a token is kept
   * @param skewSeconds that a token is taken after its {@code exp}
   */
  VerifiedTokens(LongSupplier epochMs, LongSupplier nanoTime, int skewSeconds) {
    this.epochMs = epochMs;
    this.skewSeconds = skewSeconds;
    this.kept =
        Caffeine.newBuilder()
            .maximumSize(MOST)
            .expireAfterWrite(LONGEST)
            .ticker(nanoTime::getAsLong)
            .executor(Runnable::run) // a little upkeep here, no thread for it
            .build();
  }

  /** Who bears the token: known from before, or else by {@code check}, whose success is kept. */
  Future<Caller> verify(String token, Function<String, Future<Verified>> check) {
    ByteBuffer key = ByteBuffer.wrap(Bodies.sha256(token.getBytes(StandardCharsets.UTF_8)));
    Caller known = find(key);
    if (known != null) {
      return Future.succeededFuture(known);
    }
    return check
        .apply(token)
        .map(
            verified -> {
              kept.put(key, verified);
              return verified.caller();
            });
  }

  private @Nullable Caller find(ByteBuffer key) {
    Verified verified = kept.getIfPresent(key);
    if (verified == null) {
      return null;
    }
    // as the verifier has it: whole seconds, exp itself is too late
    if (epochMs.getAsLong() / 1_000 - skewSeconds >= verified.expires()) {
      kept.invalidate(key);
      return null;
    }
    return verified.caller();
  }

  long size() {
    kept.cleanUp();
    return kept.estimatedSize();
  }
}
