package io.apgms.ml.gateway.admin;

import io.vertx.core.Vertx;
import io.vertx.ext.web.Router;

/** The management listener's router for tests of other packages. */
public final class ManagementRouter {
  private ManagementRouter() {}

  /** Its routes as they are served. */
  public static Router of(Vertx vertx, ManagementVerticle.Parts parts) {
    return ManagementVerticle.router(vertx, parts);
  }
}
