package io.apgms.ml.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.gateway.http.VerifiedTokens.Verified;
import io.vertx.core.Future;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class VerifiedTokensTest {
  private static final int SKEW = 30;
  private static final long EXPIRES = 1_800_000_000L;
  private static final Caller ANN = new Caller("ann", null, Set.of("oncall"));

  private long epochMs = TimeUnit.SECONDS.toMillis(EXPIRES - 10);
  private long nanos;
  private int checked;

  private VerifiedTokens tokens(LongSupplier wallClock) {
    return new VerifiedTokens(wallClock, () -> nanos, SKEW);
  }

  private VerifiedTokens tokens() {
    return tokens(() -> epochMs);
  }

  /** By a verifier that would take the token for ever, counting how often it is asked. */
  private Caller verify(VerifiedTokens tokens, String token, Caller caller) {
    return tokens
        .verify(
            token,
            text -> {
              checked++;
              return Future.succeededFuture(new Verified(caller, EXPIRES));
            })
        .result();
  }

  @Test
  void verify_again_isNotCheckedAgain() {
    VerifiedTokens tokens = tokens();
    for (int i = 0; i < 100; i++) {
      assertThat(verify(tokens, "a.b.c", ANN)).isEqualTo(ANN);
    }
    assertThat(checked).isEqualTo(1);
  }

  @Test
  void verify_anotherTokenOfTheSubject_isCheckedForItself() {
    VerifiedTokens tokens = tokens();
    Caller fewer = new Caller("ann", null, Set.of());
    assertThat(verify(tokens, "a.b.c", ANN)).isEqualTo(ANN);
    assertThat(verify(tokens, "a.b.d", fewer)).isEqualTo(fewer);
    assertThat(verify(tokens, "a.b.c", fewer)).isEqualTo(ANN);
    assertThat(verify(tokens, "a.b.d", ANN)).isEqualTo(fewer);
    assertThat(checked).isEqualTo(2);
  }

  @Test
  void verify_refused_isCheckedEachTime() {
    VerifiedTokens tokens = tokens();
    for (int i = 0; i < 3; i++) {
      Future<Caller> refused =
          tokens.verify(
              "a.b.c",
              text -> {
                checked++;
                return Future.failedFuture(TokenVerifier.refused());
              });
      assertThat(refused.failed()).isTrue();
    }
    assertThat(checked).isEqualTo(3);
    assertThat(tokens.size()).isZero();
  }

  /** What is wrong with how long a token is kept, or null. */
  private @Nullable String overstays(VerifiedTokens tokens) {
    checked = 0;
    epochMs = TimeUnit.SECONDS.toMillis(EXPIRES + SKEW) - 1;
    verify(tokens, "a.b.c", ANN);
    verify(tokens, "a.b.c", ANN);
    if (checked != 1) {
      return "not kept to the last millisecond";
    }
    epochMs++;
    verify(tokens, "a.b.c", ANN);
    return checked == 2 ? null : "kept past exp";
  }

  @Test
  void verify_atItsExpiry_isCheckedAgain() {
    assertThat(overstays(tokens())).isNull();
  }

  /** The control: one that does not look at the time keeps an expired caller, and is caught. */
  @Test
  void overstays_cacheThatIgnoresExp_isCaught() {
    assertThat(overstays(tokens(() -> 0))).isEqualTo("kept past exp");
  }

  @Test
  void verify_longNotChecked_isCheckedAgain() {
    VerifiedTokens tokens = tokens();
    verify(tokens, "a.b.c", ANN);
    nanos += TimeUnit.SECONDS.toNanos(60) - 1;
    verify(tokens, "a.b.c", ANN);
    assertThat(checked).isEqualTo(1);
    nanos++;
    verify(tokens, "a.b.c", ANN);
    assertThat(checked).isEqualTo(2);
  }

  @Test
  void size_ofManyTokens_isBounded() {
    VerifiedTokens tokens = tokens();
    for (int i = 0; i < 3 * VerifiedTokens.MOST; i++) {
      verify(tokens, "a.b." + i, ANN);
    }
    assertThat(tokens.size()).isLessThanOrEqualTo(VerifiedTokens.MOST);
  }
}
