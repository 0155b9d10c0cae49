package io.apgms.ml.gateway.http;

import io.micrometer.core.instrument.Counter;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http2.Http2CodecUtil;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2FrameTypes;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * How many frames that carry no request a client may send over one HTTP/2 connection: PING,
 * SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA, unknown ones (CVE-2019-9511 to 9518). Netty bounds
 * what it must answer only while the client does not read the answers. Also how long the first
 * frame may take, as Vert.x does not show a connection before it.
 *
 * <p>A request and each piece of what is sent to the client earn some, as honest clients answer
 * both with WINDOW_UPDATE; time earns a few, for PINGs over an idle connection. Stands behind TLS,
 * on the connection's loop, and reads nothing but frame headers (RFC 9113, 4.1).
 */
final class FrameBudget extends ChannelDuplexHandler {
  static final int SAVED = 1_000;
  static final int PER_REQUEST = 10;
  static final int PER_SECOND = 10;
  static final int BYTES_SENT_PER_FRAME = 256; // two updates for each DATA of half a kilobyte
  private static final int BYTES_PER_FRAME = 128; // a large one counts for several
  private static final int HEADER = 9;

  private final int prefaceMs;
  private final LongSupplier nanoTime;
  private final Counter floods;
  private final Counter lates;
  private final byte[] header = new byte[HEADER];
  private int headerBytes;
  private int skip = Http2CodecUtil.connectionPrefaceBuf().readableBytes();
  private double left = SAVED;
  private long refilledNanos;
  private boolean spent;
  private @Nullable ScheduledFuture<?> preface;

  FrameBudget(int prefaceMs, LongSupplier nanoTime, Counter floods, Counter lates) {
    this.prefaceMs = prefaceMs;
    this.nanoTime = nanoTime;
    this.floods = floods;
    this.lates = lates;
    this.refilledNanos = nanoTime.getAsLong();
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event instanceof SslHandshakeCompletionEvent done && done.isSuccess()) {
      SslHandler tls = ctx.pipeline().get(SslHandler.class);
      if ("h2".equals(tls.applicationProtocol())) {
        preface = ctx.executor().schedule(() -> late(ctx), prefaceMs, TimeUnit.MILLISECONDS);
      } else {
        ctx.pipeline().remove(this);
      }
    }
    ctx.fireUserEventTriggered(event);
  }

  private void late(ChannelHandlerContext ctx) {
    lates.increment();
    var unused = ctx.close();
  }

  /** The first frame is there, and with it whatever else watches the connection. */
  void began() {
    if (preface != null) {
      preface.cancel(false);
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    began();
    ctx.fireChannelInactive();
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    if (spent) {
      ReferenceCountUtil.release(message); // until it is closed
      return;
    }
    if (message instanceof ByteBuf bytes && !affordable(bytes)) {
      bytes.release();
      cut(ctx);
      return;
    }
    ctx.fireChannelRead(message);
  }

  /** Ends the connection of a client that asks too much; on its loop. */
  void cut(ChannelHandlerContext ctx) {
    if (spent) {
      return;
    }
    spent = true;
    floods.increment();
    ctx.fireExceptionCaught( // the codec sends GOAWAY
        Http2Exception.connectionError(Http2Error.ENHANCE_YOUR_CALM, "more than a client needs"));
    var unused = ctx.close(); // Vert.x may stumble over a stream that it never saw
  }

  /** Walks the frame headers of what came in; false once the budget is used up. */
  boolean affordable(ByteBuf bytes) {
    refill();
    int at = bytes.readerIndex();
    int end = bytes.writerIndex();
    while (at < end) {
      int skipped = Math.min(skip, end - at);
      skip -= skipped;
      at += skipped;
      while (at < end && headerBytes < HEADER) {
        header[headerBytes++] = bytes.getByte(at++);
      }
      if (headerBytes == HEADER) {
        headerBytes = 0;
        skip = (header[0] & 0xff) << 16 | (header[1] & 0xff) << 8 | (header[2] & 0xff);
        spend(header[3], skip);
      }
    }
    return left >= 0;
  }

  private void spend(byte type, int length) {
    if (type == Http2FrameTypes.HEADERS) {
      earn(PER_REQUEST);
    } else if (type != Http2FrameTypes.DATA || length == 0) {
      left -= 1 + length / BYTES_PER_FRAME;
    }
  }

  private void refill() {
    long now = nanoTime.getAsLong();
    earn((now - refilledNanos) * 1e-9 * PER_SECOND);
    refilledNanos = now;
  }

  private void earn(double frames) {
    left = Math.min(SAVED, left + frames);
  }

  @Override
  public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
    if (message instanceof ByteBuf bytes) {
      earn((double) bytes.readableBytes() / BYTES_SENT_PER_FRAME);
    }
    var unused = ctx.write(message, promise);
  }
}
