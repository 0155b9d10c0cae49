package io.apgms.ml.gateway.http;

import io.apgms.ml.gateway.trace.RequestSpan;
import io.apgms.ml.gateway.trace.Spans;
import io.apgms.ml.gateway.trace.Trace;
import io.apgms.ml.gateway.trace.Traceparent;
import io.vertx.core.Handler;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Begins the span of every request of a router; mounted only where spans are recorded. */
final class TraceDoor implements Handler<RoutingContext> {
  private static final CharSequence TRACEPARENT = HttpHeaders.createOptimized("traceparent");
  private static final String RECORDED = "trace";
  private static final String OTHER = "_OTHER"; // the word of OpenTelemetry's conventions
  private static final Set<String> METHODS = Set.of("GET", "HEAD", "POST", "PUT", "DELETE");

  private final Spans spans;

  private TraceDoor(Spans spans) {
    this.spans = spans;
  }

  /**
   * Before all other routes.
   *
   * @param spans null where none are recorded
   */
  static void mount(Router router, @Nullable Spans spans) {
    if (spans != null) {
      router.route().handler(new TraceDoor(spans));
    }
  }

  @Override
  public void handle(RoutingContext rc) {
    String named = rc.request().method().name();
    String method = METHODS.contains(named) ? named : OTHER;
    RequestSpan span = spans.request(method, carried(rc.request()), System.nanoTime());
    rc.put(RECORDED, span);
    rc.addEndHandler(
        done ->
            span.ended(
                method,
                rc.currentRoute() == null ? null : rc.currentRoute().getPath(),
                done.succeeded() ? rc.response().getStatusCode() : 0));
    rc.next();
  }

  /** The trace that a request belongs to; null where it names none and none is recorded. */
  static @Nullable Trace of(RoutingContext rc) {
    Trace recorded = rc.get(RECORDED);
    return recorded == null ? carried(rc.request()) : recorded;
  }

  private static @Nullable Traceparent carried(HttpServerRequest request) {
    return request.getHeader(TRACEPARENT) == null
        ? null
        : Traceparent.of(request.headers().getAll(TRACEPARENT));
  }
}
