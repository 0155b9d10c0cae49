package io.apgms.ml.scoring;

import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A module in native memory and its count of users. The holder counts as one; memory is freed by
 * whoever leaves last, so never while a batch runs. Where other processes score, it is described
 * only and has no module.
 */
final class LoadedModel {
  private final ServedModel served;
  private final @Nullable TorchModel torch;
  private final AtomicInteger users = new AtomicInteger(1);

  LoadedModel(ServedModel served, @Nullable TorchModel torch) {
    this.served = served;
    this.torch = torch;
  }

  ServedModel served() {
    return served;
  }

  TorchModel torch() {
    return Objects.requireNonNull(torch, "described only");
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
    if (users.decrementAndGet() == 0 && torch != null) {
      torch.close();
    }
  }
}
