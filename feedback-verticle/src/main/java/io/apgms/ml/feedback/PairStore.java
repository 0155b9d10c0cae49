package io.apgms.ml.feedback;

import java.util.List;
import java.util.UUID;

/** Where pairs of trials are kept; for one thread. */
public interface PairStore extends AutoCloseable {
  /**
   * Stores pairs of one trial. Blocking, for about five seconds at most.
   *
   * @param dropped rows that were not compared since the last call
   * @throws FeedbackException.Unavailable when the database is away; the same may be stored again
   */
  void store(UUID trial, List<TrialPair> pairs, long dropped);

  @Override
  void close();
}
