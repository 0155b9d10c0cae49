package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.net.InetAddress;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class SinkAddressesTest {
  private final Vertx vertx = Vertx.vertx();

  @AfterEach
  void close() {
    TestDatabase.get(vertx.close());
  }

  /** The second asks when the look-up is over, but this loop has not heard of it: "/ by zero". */
  @Test
  void of_twoAtOnce_areBothItsAddress() {
    ActionSink sink = ActionSink.of("http://127.0.0.1:9/hook", true);
    for (int i = 0; i < 200; i++) {
      SinkAddresses addresses =
          new SinkAddresses(vertx, InetAddress::getAllByName, true, System::nanoTime);
      Promise<Void> both = Promise.promise();
      long wait = i * 5_000L; // ns
      vertx.runOnContext(
          v -> {
            Future<InetAddress> first = addresses.of(sink);
            long from = System.nanoTime();
            while (System.nanoTime() - from < wait) {
              Thread.onSpinWait();
            }
            Future.all(first, addresses.of(sink)).<Void>mapEmpty().onComplete(both);
          });
      TestDatabase.get(both.future());
    }
  }
}
