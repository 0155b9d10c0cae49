package io.apgms.ml.gateway.decision;

import com.github.f4b6a3.uuid.factory.standard.TimeOrderedEpochFactory;
import io.apgms.ml.feedback.Decision;
import io.apgms.ml.feedback.DecisionLog;
import io.apgms.ml.feedback.PredictionClock;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * UUIDv7 (RFC 9562) with unguessable bits, drawn in blocks. One instance an event loop, which says
 * when the ids it took are kept.
 */
final class PredictionIds {
  private static final int BLOCK_BYTES = 4_096;

  private final SecureRandom random = new SecureRandom();
  private final ByteBuffer block = ByteBuffer.allocate(BLOCK_BYTES).limit(0);
  private final PredictionClock.Lane lane;
  private final TimeOrderedEpochFactory factory;

  /**
   * @param log where the decisions go
   */
  PredictionIds(@Nullable DecisionLog log) {
    this.lane = log == null ? new PredictionClock().lane() : log.lane();
    this.factory =
        TimeOrderedEpochFactory.builder()
            .withTimeFunction(lane::nowMs)
            .withRandomFunction(this::nextLong)
            .build();
  }

  UUID next() {
    lane.open();
    return factory.create();
  }

  /**
   * Every id is kept or was given to nobody.
   *
   * @param but this one and those after it, which are being committed
   */
  void kept(@Nullable UUID but) {
    if (but == null) {
      lane.close();
    } else {
      lane.close(Decision.ms(but));
    }
  }

  private long nextLong() {
    if (block.remaining() < Long.BYTES) {
      random.nextBytes(block.array());
      block.clear();
    }
    return block.getLong();
  }
}
