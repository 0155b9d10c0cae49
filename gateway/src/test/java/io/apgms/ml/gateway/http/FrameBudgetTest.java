package io.apgms.ml.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http2.Http2CodecUtil;
import io.netty.handler.codec.http2.Http2FrameTypes;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class FrameBudgetTest {
  private long nanos;
  private final Counter cut = Counter.builder("cut").register(new SimpleMeterRegistry());
  private final FrameBudget budget = new FrameBudget(1_000, () -> nanos, cut, cut);

  private static ByteBuf frames(int type, int length, int many) {
    ByteBuf bytes = Unpooled.buffer();
    for (int i = 0; i < many; i++) {
      bytes.writeMedium(length).writeByte(type).writeByte(0).writeInt(1).writeZero(length);
    }
    return bytes;
  }

  private boolean affordable(int type, int length, int many) {
    return budget.affordable(frames(type, length, many));
  }

  @BeforeEach
  void preface() {
    assertThat(budget.affordable(Http2CodecUtil.connectionPrefaceBuf())).isTrue();
  }

  @Test
  void affordable_moreFramesThanSaved_isFalse() {
    assertThat(affordable(Http2FrameTypes.PING, 8, FrameBudget.SAVED)).isTrue();
    assertThat(affordable(Http2FrameTypes.PING, 8, 1)).isFalse();
  }

  @Test
  void affordable_everyKindWithoutARequest_counts() {
    for (int type : new int[] {0, 2, 3, 4, 5, 6, 7, 8, 9, 77}) { // DATA, as it is empty
      FrameBudget one = new FrameBudget(1_000, () -> nanos, cut, cut);
      one.affordable(Http2CodecUtil.connectionPrefaceBuf());
      assertThat(one.affordable(frames(type, 0, FrameBudget.SAVED + 1))).as("" + type).isFalse();
    }
  }

  @Test
  void affordable_requestsWithTheirUpdates_forEver() {
    for (int i = 0; i < 100_000; i++) {
      assertThat(affordable(Http2FrameTypes.HEADERS, 40, 1)).isTrue();
      assertThat(affordable(Http2FrameTypes.DATA, 400, 1)).isTrue();
      assertThat(affordable(Http2FrameTypes.WINDOW_UPDATE, 4, 4)).isTrue();
    }
  }

  @Test
  void affordable_aPingASecond_forADay() {
    for (int i = 0; i < 86_400; i++) {
      nanos += TimeUnit.SECONDS.toNanos(1);
      assertThat(affordable(Http2FrameTypes.PING, 8, 1)).isTrue();
    }
  }

  @Test
  void affordable_twoUpdatesForEachPieceSent_forEver() {
    EmbeddedChannel channel = new EmbeddedChannel(budget);
    for (int i = 0; i < 10_000; i++) {
      channel.writeOutbound(Unpooled.buffer().writeZero(2 * FrameBudget.BYTES_SENT_PER_FRAME));
      channel.releaseOutbound();
      assertThat(affordable(Http2FrameTypes.WINDOW_UPDATE, 4, 2)).isTrue();
    }
  }

  @Test
  void affordable_largeFrames_countForMore() {
    assertThat(affordable(77, 16_384, 7)).isTrue();
    assertThat(affordable(77, 16_384, 1)).isFalse();
  }

  @Test
  void affordable_cutAnywhere_isTheSame() {
    for (int seed = 0; seed < 40; seed++) {
      Random random = new Random(seed);
      FrameBudget one = new FrameBudget(1_000, () -> nanos, cut, cut);
      ByteBuf all =
          Unpooled.wrappedBuffer(
              Http2CodecUtil.connectionPrefaceBuf(),
              frames(Http2FrameTypes.DATA, random.nextInt(200) + 1, 20),
              frames(Http2FrameTypes.PING, 8, FrameBudget.SAVED));
      while (all.isReadable()) {
        int some = Math.min(all.readableBytes(), 1 + random.nextInt(60));
        assertThat(one.affordable(all.readSlice(some))).as("seed %d", seed).isTrue();
      }
      assertThat(one.affordable(frames(Http2FrameTypes.PING, 8, 1))).as("seed %d", seed).isFalse();
    }
  }

  @Test
  void read_overTheBudget_endsTheConnectionOnce() {
    EmbeddedChannel channel = new EmbeddedChannel(budget);
    ByteBuf many = frames(Http2FrameTypes.SETTINGS, 0, FrameBudget.SAVED + 1);
    ByteBuf after = frames(Http2FrameTypes.SETTINGS, 0, 1);
    try {
      channel.writeInbound(many);
    } catch (Exception e) {
      assertThat(e).hasMessageContaining("more than a client needs");
    }
    assertThat(channel.isOpen()).isFalse();
    assertThat(cut.count()).isEqualTo(1);
    budget.channelRead(channel.pipeline().firstContext(), after);
    assertThat(many.refCnt() + after.refCnt()).as("buffers kept").isZero();
  }
}
