package io.apgms.ml.gateway.http;

import io.apgms.ml.gateway.settings.Settings;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.ServerChannel;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.InternetProtocolFamily;
import io.netty.handler.ssl.SslHandler;
import io.vertx.core.datagram.DatagramSocketOptions;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.net.ClientOptionsBase;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.spi.transport.Transport;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.concurrent.ThreadFactory;

/**
 * The transport of Vert.x with a bound where HTTP listeners accept: what is one connection too many
 * is closed before anything is read or set up for it. Vert.x tells of a connection only after its
 * TLS handshake and first frame, and one that never gets there counts too.
 */
public final class BoundedAccept implements Transport, io.vertx.core.transport.Transport {
  private final Transport nio = io.vertx.core.transport.Transport.NIO.implementation();
  private final Settings.Http http;
  private final Settings.Limits limits;
  private final Counter tooMany;
  private final Counter flood;
  private final Counter late;

  /** Each listener has these bounds for itself. */
  public BoundedAccept(Settings.Http http, Settings.Limits limits, MeterRegistry meters) {
    this.http = http;
    this.limits = limits;
    this.tooMany = cut(meters, "too_many");
    this.flood = cut(meters, "flood");
    this.late = cut(meters, "late");
  }

  private static Counter cut(MeterRegistry meters, String reason) {
    return Counter.builder("apgms_ml_http_connections_cut")
        .description("connections ended before their client wanted")
        .tag("reason", reason)
        .register(meters);
  }

  @Override
  public void configure(NetServerOptions options, boolean domainSocket, ServerBootstrap bootstrap) {
    nio.configure(options, domainSocket, bootstrap);
    if (options instanceof HttpServerOptions) {
      bootstrap.handler(
          new Accept(new ConnectionCaps(http.maxConnections(), limits.connectionsPerAddress())));
    }
  }

  /** On the listening channel, ahead of what sets connections up; on the acceptor's loop. */
  private final class Accept extends ChannelInboundHandlerAdapter {
    private final ConnectionCaps caps;

    Accept(ConnectionCaps caps) {
      this.caps = caps;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      Channel accepted = (Channel) message;
      String address =
          accepted.remoteAddress() instanceof InetSocketAddress from
              ? from.getAddress().getHostAddress()
              : ""; // gone already
      if (caps.take(address)) {
        accepted.closeFuture().addListener(closed -> caps.giveBack(address));
        accepted.pipeline().addLast(new Arrival());
        ctx.fireChannelRead(accepted);
      } else {
        caps.giveBack(address);
        tooMany.increment();
        accepted.unsafe().closeForcibly(); // on no loop yet, so its future does not end
      }
    }
  }

  /** Puts the frame budget behind TLS, once it is there and before it has read anything. */
  @ChannelHandler.Sharable
  private final class Arrival extends ChannelInboundHandlerAdapter {
    @Override
    public void channelActive(ChannelHandlerContext ctx) {
      ChannelHandlerContext tls = ctx.pipeline().context(SslHandler.class);
      if (tls != null) {
        ctx.pipeline()
            .addAfter(
                tls.name(),
                "frameBudget",
                new FrameBudget(limits.headerTimeoutMs(), System::nanoTime, flood, late));
      }
      ctx.pipeline().remove(this);
      ctx.fireChannelActive();
    }
  }

  // What follows is NIO's.

  @Override
  public String name() {
    return "nio";
  }

  @Override
  public boolean available() {
    return true;
  }

  @Override
  public Throwable unavailabilityCause() {
    return nio.unavailabilityCause();
  }

  @Override
  public Transport implementation() {
    return this;
  }

  @Override
  public boolean supportsDomainSockets() {
    return nio.supportsDomainSockets();
  }

  @Override
  public boolean supportFileRegion() {
    return nio.supportFileRegion();
  }

  @Override
  public SocketAddress convert(io.vertx.core.net.SocketAddress address) {
    return nio.convert(address);
  }

  @Override
  public io.vertx.core.net.SocketAddress convert(SocketAddress address) {
    return nio.convert(address);
  }

  @Override
  public IoHandlerFactory ioHandlerFactory() {
    return nio.ioHandlerFactory();
  }

  @Override
  public EventLoopGroup eventLoopGroup(int type, int threads, ThreadFactory factory, int ioRatio) {
    return nio.eventLoopGroup(type, threads, factory, ioRatio);
  }

  @Override
  public DatagramChannel datagramChannel() {
    return nio.datagramChannel();
  }

  @Override
  @SuppressWarnings("deprecation") // of Netty, in Vert.x's interface
  public DatagramChannel datagramChannel(InternetProtocolFamily family) {
    return nio.datagramChannel(family);
  }

  @Override
  public ChannelFactory<? extends Channel> channelFactory(boolean domainSocket) {
    return nio.channelFactory(domainSocket);
  }

  @Override
  public ChannelFactory<? extends ServerChannel> serverChannelFactory(boolean domainSocket) {
    return nio.serverChannelFactory(domainSocket);
  }

  @Override
  public void configure(DatagramChannel channel, DatagramSocketOptions options) {
    nio.configure(channel, options);
  }

  @Override
  public void configure(
      ClientOptionsBase options,
      int connectTimeout,
      boolean domainSocket,
      io.netty.bootstrap.Bootstrap bootstrap) {
    nio.configure(options, connectTimeout, domainSocket, bootstrap);
  }
}
