package io.apgms.ml.gateway.http;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** How many connections a listener holds, over all its event loops. Thread-safe. */
public final class ConnectionCaps {
  private final int most;
  private final int mostPerAddress;
  private final AtomicInteger open = new AtomicInteger();
  private final ConcurrentHashMap<String, Integer> byAddress = new ConcurrentHashMap<>();

  /**
   * @param mostPerAddress 0 for no bound a client address
   */
  public ConnectionCaps(int most, int mostPerAddress) {
    this.most = most;
    this.mostPerAddress = mostPerAddress;
  }

  /** Counts a connection; false where it is one too many. Each one is to be given back. */
  boolean take(String address) {
    boolean inTotal = open.incrementAndGet() <= most;
    return (mostPerAddress == 0 || byAddress.merge(address, 1, Integer::sum) <= mostPerAddress)
        && inTotal;
  }

  void giveBack(String address) {
    open.decrementAndGet();
    if (mostPerAddress > 0) {
      byAddress.computeIfPresent(address, (a, n) -> n == 1 ? null : n - 1);
    }
  }

  int open() {
    return open.get();
  }
}
