package io.apgms.ml.gateway.http;

import io.apgms.ml.gateway.decision.DecisionMeters;
import io.apgms.ml.gateway.decision.LoopLimit;
import io.apgms.ml.gateway.decision.Refusal;
import io.apgms.ml.gateway.settings.Settings;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.impl.HttpServerConnection;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.SecurityPolicyHandler;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Refuses scoring requests over the loop's limit, with 503 and {@code Retry-After}: over HTTP/1.1
 * right behind the decoder, so that a refusal costs a fraction of an answer; what cannot be refused
 * there (HTTP/2, pipelined, chunked) is refused before its body is parsed.
 *
 * <p>One instance an event loop; every method runs on that loop.
 */
final class Turnstile {
  private static final String ENCODER = "httpEncoder"; // as Vert.x names it; HTTP/2 has none
  private static final String SCORE = "/ml/score";
  private static final int SMALL_BODY = 8_192; // times all connections is a tenth of the heap
  private static final int LARGEST_BODIES = 2;

  private final LoopLimit limit;
  private final DecisionMeters meters;
  private final int maxBodyBytes;
  private final int maxBatchBytes;
  private final ByteBuf refusal = response(false);
  private final ByteBuf inferRefusal = response(true);
  private long heldBytes;

  Turnstile(LoopLimit limit, DecisionMeters meters, Settings.Http http) {
    this.limit = limit;
    this.meters = meters;
    this.maxBodyBytes = http.maxBodyBytes();
    this.maxBatchBytes = http.maxBatchBytes();
  }

  private static ByteBuf response(boolean infer) {
    Problem problem = ErrorTable.of(Refusal.LIMITED, null);
    byte[] body = ErrorTable.body(problem, infer).getBytes(StandardCharsets.UTF_8);
    String head =
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n"
            + "retry-after: "
            + problem.retryAfterSeconds()
            + "\r\ncontent-length: "
            + body.length
            + "\r\n\r\n";
    ByteBuf bytes = Unpooled.directBuffer(head.length() + body.length);
    bytes.writeCharSequence(head, StandardCharsets.US_ASCII);
    return Unpooled.unreleasableBuffer(bytes.writeBytes(body).asReadOnly());
  }

  /** Puts itself into a connection. */
  void connection(HttpConnection connection) {
    into(((HttpServerConnection) connection).channelHandlerContext().pipeline());
  }

  void into(ChannelPipeline pipeline) {
    ChannelHandlerContext encoder = pipeline.context(ENCODER);
    if (encoder != null) {
      pipeline.addAfter(ENCODER, "turnstile", new Gate(encoder));
    }
  }

  /**
   * Stands before what reads a body: the larger ones that are being read or answered are together
   * two of the largest, so that they fit into the heap however many connections send them.
   *
   * <p>Of the kind of handlers that may stand there.
   *
   * @param maxBytes of a body of this route
   */
  SecurityPolicyHandler hold(int maxBytes) {
    return rc -> {
      long bytes = bodyBytes(rc.request(), maxBytes);
      if (bytes <= SMALL_BODY) {
        rc.next();
      } else if (heldBytes + bytes <= LARGEST_BODIES * (long) maxBatchBytes) {
        heldBytes += bytes;
        rc.addEndHandler(done -> heldBytes -= bytes);
        rc.next();
      } else {
        meters.limited();
        rc.fail(ErrorTable.of(Refusal.LIMITED, null));
      }
    };
  }

  /** As it says; one that does not say is seldom one of the largest. */
  private static long bodyBytes(HttpServerRequest request, int maxBytes) {
    String length = request.getHeader(HttpHeaderNames.CONTENT_LENGTH);
    return length != null && isAtMost(length, maxBytes) ? Long.parseLong(length) : maxBytes / 4;
  }

  /** Lets a scoring request through that stands before its handler, or fails it. */
  void pass(RoutingContext rc) {
    boolean counted =
        rc.request().version() != io.vertx.core.http.HttpVersion.HTTP_2
            && isScoring(rc.request().uri());
    if (counted ? !limit.over() : limit.take()) {
      rc.next();
    } else {
      meters.limited();
      rc.fail(ErrorTable.of(Refusal.LIMITED, null));
    }
  }

  /** Behind the decoder and before the encoder of one HTTP/1 connection. */
  private final class Gate extends ChannelDuplexHandler {
    private final ChannelHandlerContext encoder;
    private int unanswered;
    private @Nullable ByteBuf refusing;

    Gate(ChannelHandlerContext encoder) {
      this.encoder = encoder;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      if (refusing != null) {
        refuseOn(message);
        return;
      }
      if (message instanceof HttpRequest request) {
        if (refused(request)) {
          refuseOn(message);
          return;
        }
        unanswered++;
      }
      ctx.fireChannelRead(message);
    }

    private boolean refused(HttpRequest request) {
      if (!isScoring(request.uri()) || limit.take()) {
        return false;
      }
      boolean score = request.uri().equals(SCORE);
      if (unanswered > 0 || !isPlain(request, score ? maxBodyBytes : maxBatchBytes)) {
        limit.takeAnyway();
        return false;
      }
      meters.limited();
      refusing = score ? refusal : inferRefusal;
      return true;
    }

    /** The answer follows the request's last byte: a client may send all of it before it reads. */
    private void refuseOn(Object message) {
      ByteBuf answer = refusing;
      if (message instanceof LastHttpContent && answer != null) {
        refusing = null;
        var unused = encoder.writeAndFlush(answer.duplicate()); // past the encoder
      }
      ReferenceCountUtil.release(message);
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
      if (message instanceof LastHttpContent) {
        unanswered--;
      }
      var unused = ctx.write(message, promise);
    }
  }

  /** As clients write it; the route counts what is spelt otherwise. */
  private static boolean isScoring(String uri) {
    return uri.equals(SCORE) || (uri.startsWith("/v2/models/") && uri.endsWith("/infer"));
  }

  /** Whether nothing but its body follows, of a length that is said and would be taken. */
  private static boolean isPlain(HttpRequest request, int maxBytes) {
    HttpHeaders headers = request.headers();
    return request.decoderResult().isSuccess()
        && request.method().equals(HttpMethod.POST)
        && request.protocolVersion().equals(HttpVersion.HTTP_1_1)
        && !headers.contains(HttpHeaderNames.CONNECTION)
        && !headers.contains(HttpHeaderNames.TRANSFER_ENCODING)
        && !headers.contains(HttpHeaderNames.EXPECT)
        && !headers.contains(HttpHeaderNames.UPGRADE)
        && isAtMost(headers.get(HttpHeaderNames.CONTENT_LENGTH), maxBytes);
  }

  private static boolean isAtMost(@Nullable String length, int maxBytes) {
    try {
      return length != null && Long.parseLong(length) <= maxBytes;
    } catch (NumberFormatException e) {
      return false; // for the routes to refuse
    }
  }
}
