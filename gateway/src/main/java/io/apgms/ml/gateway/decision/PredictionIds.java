package io.apgms.ml.gateway.decision;

import com.github.f4b6a3.uuid.factory.standard.TimeOrderedEpochFactory;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.UUID;

/** UUIDv7 (RFC 9562) with unguessable bits, drawn in blocks. One instance an event loop. */
final class PredictionIds {
  private static final int BLOCK_BYTES = 4_096;

  private final SecureRandom random = new SecureRandom();
  private final ByteBuffer block = ByteBuffer.allocate(BLOCK_BYTES).limit(0);
  private final TimeOrderedEpochFactory factory =
      TimeOrderedEpochFactory.builder().withRandomFunction(this::nextLong).build();

  UUID next() {
    return factory.create();
  }

  private long nextLong() {
    if (block.remaining() < Long.BYTES) {
      random.nextBytes(block.array());
      block.clear();
    }
    return block.getLong();
  }
}
