package io.apgms.ml.gateway.decision;

import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** The tallies of all event loops of this replica; each is read on its own loop. */
public final class InputCounts {
  private record Loop(Context context, InputTally tally) {
    Future<List<InputCount>> drain(@Nullable Context caller) {
      Promise<List<InputCount>> drained = Promise.promise();
      context.runOnContext(
          v -> {
            List<InputCount> counts = tally.drain();
            if (caller == null) {
              drained.complete(counts);
            } else {
              caller.runOnContext(back -> drained.complete(counts));
            }
          });
      return drained.future();
    }
  }

  private final List<Loop> loops = new CopyOnWriteArrayList<>();

  /** A tally for what runs on that event loop. */
  public InputTally onLoop(Context context) {
    InputTally tally = new InputTally();
    loops.add(new Loop(context, tally));
    return tally;
  }

  /**
   * What all loops have counted since the last call, by column of a version; told on the caller's.
   */
  public Future<Collection<InputCount>> drain() {
    Context caller = Vertx.currentContext();
    List<Future<List<InputCount>>> drained =
        loops.stream().map(loop -> loop.drain(caller)).toList();
    return Future.all(drained)
        .map(
            all -> {
              Map<InputCount.Key, InputCount> sum = new LinkedHashMap<>();
              drained.forEach(
                  one -> one.result().forEach(c -> sum.merge(c.key(), c, InputCount::plus)));
              return new ArrayList<>(sum.values());
            });
  }
}
