package io.apgms.ml.gateway.http;

import io.apgms.ml.gateway.decision.LoopLimit;
import io.vertx.core.Vertx;
import io.vertx.ext.web.Router;

/** The API listener's router for tests of other packages. */
public final class ApiRouter {
  private ApiRouter() {}

  /** Its routes as they are served; calling those that decide fails. */
  public static Router of(Vertx vertx, ApiVerticle.Parts parts) {
    Turnstile open =
        new Turnstile(new LoopLimit(Runnable::run, 0), parts.flow().meters(), parts.http());
    return ApiVerticle.router(vertx, parts, null, null, open);
  }
}
