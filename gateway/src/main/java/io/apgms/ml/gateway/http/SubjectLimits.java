package io.apgms.ml.gateway.http;

import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.LoadingCache;
import io.github.bucket4j.Bucket;
import io.github.bucket4j.TimeMeter;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A token bucket a subject: so many requests a second, saved up for at most one second. */
public final class SubjectLimits {
  private static final int MAX_SUBJECTS = 10_000; // beyond it, who was not seen longest starts anew

  private final @Nullable LoadingCache<String, Bucket> buckets;

  /**
   * Of one replica.
   *
   * @param perSecond requests of one subject; 0 for no limit
   */
  public SubjectLimits(int perSecond) {
    this(perSecond, TimeMeter.SYSTEM_NANOTIME);
  }

  SubjectLimits(int perSecond, TimeMeter clock) {
    this.buckets =
        perSecond == 0
            ? null
            : Caffeine.newBuilder()
                .maximumSize(MAX_SUBJECTS)
                .build(
                    subject ->
                        Bucket.builder()
                            .addLimit(
                                limit ->
                                    limit
                                        .capacity(perSecond)
                                        .refillGreedy(perSecond, Duration.ofSeconds(1)))
                            .withCustomTimePrecision(clock)
                            .build());
  }

  boolean take(String subject) {
    return buckets == null || buckets.get(subject).tryConsume(1);
  }
}
