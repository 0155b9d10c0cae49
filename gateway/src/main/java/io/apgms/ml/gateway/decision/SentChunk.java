package io.apgms.ml.gateway.decision;

import java.util.List;

/**
 * What was sent to be scored, in the order in which it came.
 *
 * @param sentNanos monotonic
 */
record SentChunk(List<Pending> requests, long sentNanos) {
  /** From the first request to now, without the refusals between the last one and its sending. */
  long tookNanos(long now) {
    long first = requests.get(0).terms.arrivedNanos();
    long last = requests.get(requests.size() - 1).terms.arrivedNanos();
    return last - first + now - sentNanos;
  }
}
