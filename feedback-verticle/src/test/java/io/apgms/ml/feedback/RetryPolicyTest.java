package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** With the clock counted along. */
class RetryPolicyTest {
  private static final Instant NOW = Instant.parse("2026-11-24T08:00:00Z");

  /**
   * Connecting, an answer that never comes, storing and a turn: the longest an attempt can take.
   */
  private static final long LONGEST_ATTEMPT_MS = 6_000 + WebhookClient.ANSWER_MS + 500;

  private static Delivery delivery(int attempts, long ageMs) {
    return new Delivery(
        1,
        "sink",
        1,
        0,
        attempts,
        RetryPolicy.GIVE_UP_MS - ageMs,
        "hold",
        new UUID(0, 0),
        NOW,
        null,
        false,
        null,
        null);
  }

  private static SendResult failed() {
    return SendResult.unreachable("no answer in time", NOW);
  }

  @Test
  void after_failuresWithoutEnd_areUnder30sApartForAnHourAndGivenUpAfterADay() {
    for (int seed = 0; seed < 200; seed++) {
      RetryPolicy policy = new RetryPolicy(new SplittableRandom(seed));
      long age = 0;
      int attempts = 0;
      List<Long> delays = new ArrayList<>();
      RetryPolicy.Next next = policy.after(failed(), delivery(attempts, age));
      while (next.state().equals("pending")) {
        delays.add(next.delayMs());
        if (age < RetryPolicy.FIRST_HOUR_MS) {
          assertThat(LONGEST_ATTEMPT_MS + next.delayMs()).isLessThanOrEqualTo(30_000);
        }
        age += next.delayMs();
        next = policy.after(failed(), delivery(++attempts, age));
      }
      assertThat(next.state()).isEqualTo("dead");
      assertThat(age).isBetween(TimeUnit.HOURS.toMillis(23), TimeUnit.HOURS.toMillis(24));
      assertThat(attempts).isBetween(500, 5_000);
      assertThat(delays.get(0)).isLessThanOrEqualTo(500);
    }
  }

  @Test
  void after_manyAtOnce_spreadsThem() {
    RetryPolicy policy = new RetryPolicy(new SplittableRandom(1));
    long below = 0;
    for (int i = 0; i < 1_000; i++) {
      below += policy.after(failed(), delivery(9, 0)).delayMs() < 6_500 ? 1 : 0;
    }
    assertThat(below).isBetween(400L, 600L); // uniform between 0 and 13 s
  }

  @Test
  void after_retryAfter_isHonouredWithinTheBound() {
    RetryPolicy policy = new RetryPolicy(new SplittableRandom(1));
    SendResult five = SendResult.answered(429, 5_000, NOW);
    SendResult hour = SendResult.answered(503, 3_600_000, NOW);
    assertThat(policy.after(five, delivery(0, 0)).delayMs()).isBetween(5_000L, 5_500L);
    assertThat(policy.after(hour, delivery(0, 0)).delayMs()).isEqualTo(13_000);
    assertThat(policy.after(hour, delivery(9, 7_200_000)).delayMs()).isEqualTo(600_000);
  }

  @Test
  void after_eachKindOfEnd_givesItsState() {
    RetryPolicy policy = new RetryPolicy(new SplittableRandom(1));
    for (int status : new int[] {200, 202, 204, 299}) {
      assertThat(state(policy, status)).isEqualTo("sent");
    }
    for (int status : new int[] {301, 302, 307, 308, 400, 401, 404, 422, 429, 500, 503}) {
      assertThat(state(policy, status)).as("%d", status).isEqualTo("pending");
    }
    assertThat(state(policy, 410)).isEqualTo("dead");
    SendResult cancelled = SendResult.unsent(SendResult.Kind.CANCELLED, "mode");
    assertThat(policy.after(cancelled, delivery(0, 0)).state()).isEqualTo("cancelled");
    SendResult waiting = SendResult.unsent(SendResult.Kind.WAITING, "mode not known");
    assertThat(policy.after(waiting, delivery(0, 0)))
        .isEqualTo(new RetryPolicy.Next("pending", 1_000));
  }

  private static String state(RetryPolicy policy, int status) {
    return policy.after(SendResult.answered(status, 0, NOW), delivery(0, 0)).state();
  }

  @Test
  void retryAfter_secondsDatesAndNonsense_areRead() {
    assertThat(WebhookClient.retryAfterMs("7", NOW)).isEqualTo(7_000);
    assertThat(WebhookClient.retryAfterMs("Tue, 24 Nov 2026 08:00:09 GMT", NOW)).isEqualTo(9_000);
    assertThat(WebhookClient.retryAfterMs("Tue, 24 Nov 2026 07:00:00 GMT", NOW)).isZero();
    for (String other : new String[] {"-1", "soon", "1e9", "99999999999999999999", ""}) {
      assertThat(WebhookClient.retryAfterMs(other, NOW)).as(other).isZero();
    }
  }
}
