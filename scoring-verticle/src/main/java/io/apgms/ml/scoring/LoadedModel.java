package io.apgms.ml.scoring;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * A module in native memory and its count of users. The holder counts as one; memory is freed by
 * whoever leaves last, so never while a batch runs.
 */
final class LoadedModel {
  private final ServedModel served;
  private final TorchModel torch;
  private final AtomicInteger users = new AtomicInteger(1);

  LoadedModel(ServedModel served, TorchModel torch) {
    this.served = served;
    this.torch = torch;
  }

  ServedModel served() {
    return served;
  }

  TorchModel torch() {
    return torch;
  }

  /** False when it is being freed. */
  boolean acquire() {
    for (int now = users.get(); now > 0; now = users.get()) {
      if (users.compareAndSet(now, now + 1)) {
        return true;
      }
    }
    return false;
  }

  void release() {
    if (users.decrementAndGet() == 0) {
      torch.close();
    }
  }
}
