package io.apgms.ml.feedback;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Told of each attempt to send an action; says which trace the receiver is to continue. */
public interface SendTracing {
  /** Passes on what was stored with the action, as an intermediary does that records nothing. */
  SendTracing CARRIED = sending -> new Carried(sending.traceparent());

  /** On the dispatcher's loop, before anything is written; must neither fail nor wait. */
  Attempt begin(Sending sending);

  /**
   * What is about to be sent. Nothing here names anybody.
   *
   * @param traceparent as it was stored with the action
   * @param kind {@code hold} or {@code release}
   * @param sink its id
   * @param attempt from 1
   */
  record Sending(
      @Nullable String traceparent, UUID predictionId, String kind, String sink, int attempt) {}

  /** One attempt. */
  interface Attempt {
    /** The header that it carries; null for none. */
    @Nullable String traceparent();

    /**
     * It was written, or could not connect; not called for one that was held back.
     *
     * @param status of the receiver's answer; 0 for none
     * @param failure from a closed list, never a receiver's own words; null where it was taken
     */
    void ended(int status, @Nullable String failure);
  }

  /** Records nothing. */
  record Carried(@Nullable String traceparent) implements Attempt {
    @Override
    public void ended(int status, @Nullable String failure) {}
  }
}
