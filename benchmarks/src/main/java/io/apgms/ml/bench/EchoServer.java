package io.apgms.ml.bench;

import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.handler.BodyHandler;

/**
 * The reference of the benchmark: a bare Vert.x Router with BodyHandler that parses the body as
 * JSON and writes it back. Arguments: port, event loops.
 */
public final class EchoServer extends VerticleBase {
  private final int port;

  private EchoServer(int port) {
    this.port = port;
  }

  @Override
  public Future<?> start() {
    Router router = Router.router(vertx);
    router
        .post("/ml/score")
        .handler(BodyHandler.create(false))
        .handler(
            rc -> {
              JsonObject body = rc.body().asJsonObject();
              rc.response().putHeader("Content-Type", "application/json");
              var unused = rc.response().end(body.toBuffer());
            });
    return vertx.createHttpServer().requestHandler(router).listen(port, "127.0.0.1");
  }

  public static void main(String[] args) {
    int port = Integer.parseInt(args[0]);
    int loops = Integer.parseInt(args[1]);
    Vertx.vertx()
        .deployVerticle(() -> new EchoServer(port), new DeploymentOptions().setInstances(loops))
        .onSuccess(id -> System.err.println("echo: ready on 127.0.0.1:" + port))
        .onFailure(
            e -> {
              System.err.println("echo: " + e.getMessage());
              System.exit(3);
            });
  }
}
