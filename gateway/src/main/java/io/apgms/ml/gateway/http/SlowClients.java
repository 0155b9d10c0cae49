package io.apgms.ml.gateway.http;

import io.apgms.ml.gateway.settings.Settings;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.http.impl.HttpServerConnection;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Closes connections whose client takes too long to send a request's head, to send its body (each
 * 64 KiB of it, so that long uploads may last), or to take what was written for it; and those that
 * keep too much open meanwhile, as streams or as requests ahead of their answers.
 *
 * <p>One instance an event loop; every method runs on that loop. Nothing is scheduled for a
 * request: handlers note the time of the last sweep, so each bound holds to within two sweeps.
 */
final class SlowClients {
  private static final long SWEEP_MS = 250;
  private static final int BODY_STEP = 65_536;
  private static final long ENHANCE_YOUR_CALM =
      11; // RFC 9113, 7; unlike CANCEL the codec counts it
  private static final long REFUSED_STREAM = 7; // safe to be sent again
  private static final int MOST_STREAMS = 2_048; // open at once on a loop: each is 8 KiB of heap
  private static final int FEW_STREAMS = 8; // of one connection
  private static final String DECODER = "httpDecoder"; // as Vert.x names it; HTTP/2 has none
  private static final String ENCODER = "httpEncoder"; // behind it
  private static final int MOST_AHEAD = 64; // requests without an answer on a connection of HTTP/1

  private final Settings.Limits limits;
  private final Set<Watch> watches = new HashSet<>();
  private List<Stream> streams = new ArrayList<>();
  private int lookAgain = MOST_STREAMS; // at so many the closed ones go
  private long nowMs = monotonicMs();

  SlowClients(Vertx vertx, Settings.Limits limits) {
    this.limits = limits;
    vertx.setPeriodic(SWEEP_MS, id -> sweep(monotonicMs())); // ends with its verticle
  }

  private static long monotonicMs() {
    return System.nanoTime() / 1_000_000;
  }

  /** Watches a connection from its start to its close. */
  void connection(HttpConnection connection) {
    ChannelPipeline pipeline =
        ((HttpServerConnection) connection).channelHandlerContext().pipeline();
    Receiving receiving = null;
    if (pipeline.get(DECODER) != null) {
      receiving = new Receiving(connection.isSsl());
      pipeline.addAfter(ENCODER, "slowSender", receiving);
    }
    FrameBudget budget = pipeline.get(FrameBudget.class);
    if (budget != null) {
      budget.began();
    }
    Watch watch = new Watch(receiving);
    pipeline.addFirst("slowReader", watch);
    watches.add(watch);
  }

  /**
   * Watches an HTTP/2 request; of HTTP/1 the connection is enough.
   *
   * @return false where it is one too many, and was refused
   */
  boolean request(HttpServerRequest request) {
    if (request.version() != HttpVersion.HTTP_2) {
      return true;
    }
    if (streams.size() >= lookAgain) {
      streams.removeIf(stream -> stream.request.response().closed());
      if (streams.size() >= MOST_STREAMS) {
        return admit(request);
      }
      lookAgain = streams.size() + MOST_STREAMS / 2; // or each request would go through them all
    }
    streams.add(new Stream(request));
    return true;
  }

  /** With many open, who has many ends; who has few is taken until there are twice as many. */
  private boolean admit(HttpServerRequest request) {
    HttpConnection connection = request.connection();
    long own = streams.stream().filter(s -> s.request.connection() == connection).count();
    if (own >= FEW_STREAMS) {
      ChannelPipeline pipeline =
          ((HttpServerConnection) connection).channelHandlerContext().pipeline();
      ChannelHandlerContext budget = pipeline.context(FrameBudget.class);
      budget
          .executor()
          .execute(() -> ((FrameBudget) budget.handler()).cut(budget)); // it is reading
      return false;
    }
    if (streams.size() >= 2 * MOST_STREAMS) {
      var unused = request.response().reset(REFUSED_STREAM);
      return false;
    }
    streams.add(new Stream(request));
    return true;
  }

  private void sweep(long now) {
    nowMs = now;
    for (Watch watch : List.copyOf(watches)) {
      if (watch.late()) {
        watch.close();
      }
    }
    List<Stream> open = new ArrayList<>();
    for (Stream stream : streams) {
      if (!stream.request.response().closed()) {
        if (stream.late()) {
          var unused = stream.request.response().reset(ENHANCE_YOUR_CALM);
        }
        open.add(stream);
      }
    }
    streams = open;
  }

  /**
   * Behind the decoder of one HTTP/1 connection: what it is sending, and since when; and how many
   * requests it has sent ahead of their answers (RFC 9112, 9.3.2), as each is kept in memory.
   */
  private final class Receiving extends ChannelDuplexHandler {
    private static final int NOTHING = 0;
    private static final int HEAD = 1;
    private static final int BODY = 2;

    private int what = NOTHING;
    private long sinceMs;
    private int bytes;
    private int ahead;
    // The read that ends a TLS handshake decodes nothing, and begins no request either.
    private boolean decoded;

    Receiving(boolean afterHandshake) {
      this.decoded = afterHandshake;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      decoded = true;
      if (message instanceof HttpRequest) {
        begin(BODY);
        ahead++;
      }
      if (ahead > MOST_AHEAD) {
        ReferenceCountUtil.release(message);
        var unused = ctx.close();
        return;
      }
      if (message instanceof HttpContent content) {
        bytes += content.content().readableBytes();
        if (content instanceof LastHttpContent) {
          what = NOTHING;
        } else if (bytes >= BODY_STEP) {
          begin(BODY);
        }
      }
      ctx.fireChannelRead(message);
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
      boolean interim = message instanceof HttpResponse head && head.status().code() < 200;
      if (message instanceof LastHttpContent && !interim) {
        ahead--;
      }
      var unused = ctx.write(message, promise);
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
      if (!decoded && what == NOTHING) {
        begin(HEAD);
      }
      decoded = false;
      ctx.fireChannelReadComplete();
    }

    private void begin(int next) {
      what = next;
      sinceMs = nowMs;
      bytes = 0;
    }

    boolean late(boolean reading) {
      if (what == BODY && !reading) {
        sinceMs = nowMs; // it is we who do not read on
      }
      return (what == HEAD && nowMs - sinceMs > limits.headerTimeoutMs())
          || (what == BODY && nowMs - sinceMs > limits.bodyTimeoutMs());
    }
  }

  /**
   * First in the pipeline of one connection, so that it counts what goes to the socket: what waits
   * there must be gone when the bound is over, whatever was written after it.
   */
  private final class Watch extends ChannelOutboundHandlerAdapter {
    private final @Nullable Receiving receiving;
    private @Nullable ChannelHandlerContext context;
    private long written;
    private long mustBeGone;
    private long sinceMs = -1;

    Watch(@Nullable Receiving receiving) {
      this.receiving = receiving;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
      context = ctx;
      ctx.channel().closeFuture().addListener(closed -> watches.remove(this));
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
      written++;
      var unused = ctx.write(message, promise);
    }

    boolean late() {
      ChannelHandlerContext ctx = context;
      if (ctx == null) {
        return false;
      }
      return writeLate(ctx.channel().unsafe().outboundBuffer())
          || (receiving != null && receiving.late(ctx.channel().config().isAutoRead()));
    }

    private boolean writeLate(@Nullable ChannelOutboundBuffer waiting) {
      if (waiting == null || waiting.isEmpty()) {
        sinceMs = -1;
        return false;
      }
      if (sinceMs < 0 || written - waiting.size() >= mustBeGone) {
        sinceMs = nowMs;
        mustBeGone = written;
      }
      return nowMs - sinceMs > limits.responseTimeoutMs();
    }

    /** At once: an orderly close would wait for the client to take what it does not take. */
    void close() {
      if (context != null) {
        var unused = context.close();
      }
    }
  }

  /** One HTTP/2 request with its response. */
  private final class Stream {
    private final HttpServerRequest request;
    private long bodySinceMs = nowMs;
    private long bodyBytes;
    private long responseSinceMs = -1;
    private long responseBytes;

    Stream(HttpServerRequest request) {
      this.request = request;
    }

    boolean late() {
      if (!request.isEnded() && request.bytesRead() - bodyBytes >= BODY_STEP) {
        bodyBytes = request.bytesRead();
        bodySinceMs = nowMs;
      }
      return (!request.isEnded() && nowMs - bodySinceMs > limits.bodyTimeoutMs()) || responseLate();
    }

    private boolean responseLate() {
      boolean ended = request.response().ended();
      if (!ended && !request.response().writeQueueFull()) {
        responseSinceMs = -1;
        return false;
      }
      long sent = request.response().bytesWritten();
      if (responseSinceMs < 0 || (!ended && sent > responseBytes)) {
        responseSinceMs = nowMs;
        responseBytes = sent;
      }
      return nowMs - responseSinceMs > limits.responseTimeoutMs();
    }
  }
}
