package io.apgms.ml.gateway.decision;

import io.apgms.ml.scoring.Elsewhere;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What was sent to be scored, in the order in which it came.
 *
 * @param sentNanos monotonic
 */
record SentChunk(List<Pending> requests, long sentNanos) {
  /**
   * What a tick gathered, as it is to be sent: one chunk to this loop's own models. Elsewhere some
   * may be refused or lost, and a chunk is answered whole: there small ones, each of one model.
   */
  static List<List<Pending>> split(List<Pending> tick, boolean elsewhere) {
    if (!elsewhere) {
      return List.of(tick);
    }
    List<List<Pending>> chunks = new ArrayList<>();
    Map<String, List<Pending>> byModel = new HashMap<>();
    for (Pending p : tick) {
      List<Pending> chunk = byModel.get(p.call.modelId());
      if (chunk == null || chunk.size() == Elsewhere.MOST_ROWS) {
        chunk = new ArrayList<>();
        byModel.put(p.call.modelId(), chunk);
        chunks.add(chunk);
      }
      chunk.add(p);
    }
    return chunks;
  }

  /** From the first request to now, without the refusals between the last one and its sending. */
  long tookNanos(long now) {
    long first = requests.get(0).terms.arrivedNanos();
    long last = requests.get(requests.size() - 1).terms.arrivedNanos();
    return last - first + now - sentNanos;
  }
}
