package io.apgms.ml.gateway.http;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.ReferenceCountUtil;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.impl.HttpServerConnection;
import java.util.concurrent.TimeUnit;

/**
 * Ends a connection that was answered before its request was read to the end (RFC 9112, section
 * 9.6): what still comes is read and thrown away for a moment. A socket that is closed over unread
 * bytes is reset, and the reset takes the answer with it before the client has read it.
 *
 * <p>Only for a request that is well framed: what was decoded already goes its way, and behind one
 * that is not, that may be somebody else's request.
 */
final class LingeringClose extends ChannelInboundHandlerAdapter {
  private static final long MOST_MS = 1_000;
  private static final long MOST_BYTES = 64L << 20;

  private long bytes;

  private LingeringClose() {}

  /** On the connection's loop, once the answer was written. */
  static void of(HttpConnection connection) {
    Channel channel = ((HttpServerConnection) connection).channelHandlerContext().channel();
    if (channel.pipeline().get(LingeringClose.class) != null) {
      return;
    }
    channel.pipeline().addFirst(new LingeringClose());
    channel.config().setAutoRead(true); // its request may have been paused
    var unused = channel.eventLoop().schedule(() -> close(channel), MOST_MS, TimeUnit.MILLISECONDS);
  }

  private static void close(Channel channel) {
    var unused = channel.close();
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    bytes += message instanceof ByteBuf buffer ? buffer.readableBytes() : 0;
    ReferenceCountUtil.release(message);
    if (bytes > MOST_BYTES) {
      close(ctx.channel());
    }
  }
}
