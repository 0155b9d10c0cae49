package io.apgms.ml.gateway;

import io.vertx.core.Vertx;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetSocket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A path to a port of this machine that can be cut as a network does: what is sent gets nowhere,
 * and nobody is told.
 */
final class TcpRelay implements AutoCloseable {
  private final Vertx vertx = Vertx.vertx();
  private final NetClient client = vertx.createNetClient();
  private final NetServer server;
  private final Set<NetSocket> sockets = ConcurrentHashMap.newKeySet();
  private volatile boolean cut;

  TcpRelay(int to) {
    server =
        PlantedService.await(
            vertx
                .createNetServer()
                .connectHandler(near -> accept(near, to))
                .listen(0, "127.0.0.1"));
  }

  int port() {
    return server.actualPort();
  }

  private void accept(NetSocket near, int to) {
    near.pause();
    client
        .connect(to, "127.0.0.1")
        .onSuccess(
            far -> {
              join(near, far);
              join(far, near);
            })
        .onFailure(e -> near.close());
  }

  private void join(NetSocket from, NetSocket to) {
    sockets.add(from);
    from.handler(
        bytes -> {
          if (!cut) {
            var unused = to.write(bytes);
          }
        });
    from.exceptionHandler(e -> {});
    from.closeHandler(
        v -> {
          sockets.remove(from);
          var unused = to.close();
        });
    from.resume();
  }

  /** From now on nothing gets through. */
  void cut() {
    cut = true;
  }

  /** New connections get through; those that lost something are reset. */
  void heal() {
    cut = false;
    sockets.forEach(NetSocket::close);
  }

  @Override
  public void close() {
    PlantedService.await(vertx.close());
  }
}
