package io.apgms.ml.gateway.http;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.feedback.FeedbackException;
import io.apgms.ml.gateway.decision.Refusal;
import io.apgms.ml.gateway.trace.Trace;
import io.apgms.ml.registry.RegistryException;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.codec.http2.Http2Exception;
import io.vertx.core.VertxException;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.HttpVersion;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.HttpException;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.util.Arrays;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/** The one table from what went wrong to what the caller sees: RFC 9457 problem details. */
public final class ErrorTable {
  private static final Logger LOG = LoggerFactory.getLogger(ErrorTable.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final String NO_ROUTE = "no such route";
  private static final Set<Integer> CLOSING = Set.of(400, 405, 413, 414, 415, 431);

  private ErrorTable() {}

  /** Pure: the problem that a failure is. Ours are 5xx and say nothing of the inside. */
  public static Problem of(Throwable failure) {
    if (failure instanceof Problem problem) {
      return problem;
    }
    if (failure instanceof RegistryException refused) {
      return registry(refused);
    }
    if (failure instanceof FeedbackException refused) {
      return feedback(refused);
    }
    if (failure instanceof HttpException http) {
      return http(http.getStatusCode());
    }
    if (failure instanceof DecoderException
        || failure instanceof Http2Exception
        || isFraming(failure)) {
      return Problem.of(400, "the request's framing is broken, expected RFC 9112 or 9113");
    }
    if (failure instanceof TimeoutException || failure instanceof VertxException) {
      return Problem.busy(503, "a part the answer needs is away, try again");
    }
    return Problem.of(500, "the service failed");
  }

  /**
   * Netty names a chunk size that is no number, or a trailer without a colon, by exceptions that
   * are our own fault anywhere else.
   */
  private static boolean isFraming(Throwable failure) {
    if (!(failure instanceof IllegalArgumentException)) {
      return false;
    }
    for (StackTraceElement frame : failure.getStackTrace()) {
      if (!frame.getClassName().startsWith("java.")) {
        return frame.getClassName().startsWith("io.netty.handler.codec.http.");
      }
    }
    return false;
  }

  private static Problem registry(RegistryException refused) {
    String detail = String.valueOf(refused.getMessage());
    if (refused instanceof RegistryException.Refused all) {
      return Problem.of(
          409,
          all.what(),
          all.refusals().stream().map(r -> new FieldError("", r.toString())).toList());
    }
    if (refused instanceof RegistryException.NotFound) {
      return Problem.of(404, detail);
    }
    if (refused instanceof RegistryException.Conflict
        || refused instanceof RegistryException.Corrupt) {
      return Problem.of(409, detail);
    }
    if (refused instanceof RegistryException.Unavailable) {
      return Problem.busy(503, "the registry database is away, whether it was done is unknown");
    }
    return Problem.of(422, detail);
  }

  private static Problem feedback(FeedbackException refused) {
    String detail = String.valueOf(refused.getMessage());
    if (refused instanceof FeedbackException.NotFound) {
      return Problem.of(404, detail);
    }
    if (refused instanceof FeedbackException.VersionConflict
        || refused instanceof FeedbackException.RequestIdConflict
        || refused instanceof FeedbackException.NotSealed
        || refused instanceof FeedbackException.Live
        || refused instanceof FeedbackException.Redacted
        || refused instanceof FeedbackException.Altered) {
      return Problem.of(409, detail);
    }
    if (refused instanceof FeedbackException.Contradiction
        || refused instanceof FeedbackException.KeyReused
        || refused instanceof FeedbackException.Invalid) {
      return Problem.of(422, detail);
    }
    if (refused instanceof FeedbackException.Elsewhere) {
      return Problem.busy(503, detail);
    }
    return Problem.busy(503, "the decision log is away, try again");
  }

  /** What the router refuses by itself. */
  public static Problem http(int status) {
    return switch (status) {
      case 401 -> Problem.of(401, "no valid bearer token");
      case 404 -> Problem.of(404, NO_ROUTE);
      case 405 -> Problem.of(405, "the route does not take this method");
      case 413 -> Problem.of(413, "the body is too large");
      case 414 -> Problem.of(414, "the request line is too long");
      case 415 -> Problem.of(415, "the media type is not application/json");
      case 431 -> Problem.of(431, "the request's header is too large");
      default ->
          status >= 500
              ? Problem.of(500, "the service failed")
              : Problem.of(Math.max(400, status), "the request cannot be taken");
    };
  }

  /** The problem of a request that got no decision. */
  static Problem of(Refusal why, @Nullable UUID predictionId) {
    return switch (why) {
      case OVERLOADED -> Problem.busy(503, "the queue before the model is full, try again");
      case LIMITED -> Problem.busy(503, "more requests than are answered in time, try again");
      case EXPIRED -> Problem.of(504, "the request's time was up before it was decided");
      case NO_MODEL -> Problem.busy(503, "no version of the model is active");
      case NO_VERSION ->
          Problem.field(
              404, "/modelVersion", "this version is not served, see GET /ml/models/{modelId}");
      case REVOKED ->
          Problem.field(
              409, "/modelVersion", "this version is revoked, expected none or one that is served");
      case INVALID_OUTPUT ->
          Problem.of(500, "the model's output is no number from 0 to 1, so nothing was decided");
      case FAILED -> Problem.of(500, "the model failed, so nothing was decided");
      case NOT_LOGGED -> Problem.busy(503, "the decision could not be logged, so it was not made");
      case UNKNOWN_OUTCOME ->
          predictionId == null
              ? Problem.busy(503, "the decision's outcome is unknown")
              : Problem.unknownOutcome(predictionId);
      case REQUEST_ID_REUSED ->
          Problem.field(
              409,
              "/requestId",
              "sent before with another body, expected the same body or a new id");
    };
  }

  /** Whether it is but the connection that ended, which a client may do as often as it likes. */
  static boolean hungUp(Throwable failure) {
    return failure instanceof SSLException
        || failure instanceof ClosedChannelException
        || (failure instanceof IOException
            && Arrays.stream(failure.getStackTrace())
                .anyMatch(frame -> frame.getClassName().equals("sun.nio.ch.SocketChannelImpl")));
  }

  /** Failure handler of both routers. */
  public static void handle(RoutingContext rc) {
    Throwable failure = rc.failure();
    Problem problem = failure == null ? http(rc.statusCode()) : of(failure);
    if (problem.status() == 500 && failure != null && !hungUp(failure)) {
      // the trace names the handler; the path may hold what a log must not
      LoggingEventBuilder line = LOG.atError().setCause(failure);
      Trace trace = TraceDoor.of(rc);
      (trace == null ? line : line.addKeyValue("traceId", trace.traceId()))
          .log("a {} request failed", rc.request().method());
    }
    refuse(rc.request(), problem);
  }

  /**
   * Writes the problem. A request that was no HTTP or JSON, or not for us, may have ended elsewhere
   * than the client or a proxy thinks: what follows on its connection is not looked at.
   */
  static void refuse(HttpServerRequest request, Problem problem) {
    boolean close =
        request.version() != HttpVersion.HTTP_2 // its streams end where their frames say
            && (CLOSING.contains(problem.status()) || problem.detail().equals(NO_ROUTE));
    if (close) {
      request.response().putHeader("Connection", "close");
    }
    if (request.path() != null && request.path().startsWith("/v2")) {
      sendInfer(request.response(), problem);
    } else {
      send(request.response(), problem);
    }
    if (problem.status() == 413 && close && !request.isEnded()) {
      LingeringClose.of(request.connection()); // of the others nobody knows where they end
    } else if (close) {
      var unused = request.connection().close();
    }
  }

  /** Writes the problem, unless the client is gone or was answered. */
  public static void send(HttpServerResponse response, Problem problem) {
    send(response, problem, false);
  }

  /** As {@link #send}, with the {@code error} text that clients of the protocol look for. */
  static void sendInfer(HttpServerResponse response, Problem problem) {
    send(response, problem, true);
  }

  private static void send(HttpServerResponse response, Problem problem, boolean infer) {
    if (response.ended() || response.closed()) {
      return;
    }
    response.setStatusCode(problem.status());
    response.putHeader("Content-Type", "application/problem+json");
    if (problem.retryAfterSeconds() > 0) {
      response.putHeader("Retry-After", Integer.toString(problem.retryAfterSeconds()));
    }
    if (problem.status() == 401) {
      response.putHeader("WWW-Authenticate", "Bearer");
    }
    var unused = response.end(body(problem, infer));
  }

  /**
   * The problem as JSON.
   *
   * @param infer with the {@code error} of the inference protocol
   */
  static String body(Problem problem, boolean infer) {
    ObjectNode body = JSON.createObjectNode();
    if (infer) {
      StringBuilder error = new StringBuilder(problem.detail());
      problem
          .errors()
          .forEach(e -> error.append("; ").append(e.pointer()).append(' ').append(e.detail()));
      body.put("error", error.toString());
    }
    body.put("type", "about:blank");
    body.put("title", title(problem.status()));
    body.put("status", problem.status());
    body.put("detail", problem.detail());
    if (problem.predictionId() != null) {
      body.put("predictionId", problem.predictionId().toString());
    }
    if (!problem.errors().isEmpty()) {
      body.set("errors", JSON.valueToTree(problem.errors()));
    }
    return body.toString();
  }

  private static String title(int status) {
    return io.netty.handler.codec.http.HttpResponseStatus.valueOf(status).reasonPhrase();
  }
}
