package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The addresses of sinks' hosts, each one checked. What is connected to is an address that was
 * checked, never the name again, so that a name that changes its mind in between leads nowhere.
 *
 * <p>Confined to one loop; at most one look-up a host is under way, on a worker thread.
 */
final class SinkAddresses {
  private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(10);

  /** While a name cannot be looked up, its last addresses serve so long. */
  private static final long STALE_NANOS = TimeUnit.SECONDS.toNanos(60);

  private static final long LOOKUP_MS = 2_000;

  /** A look-up of all addresses of a name; blocking. */
  @FunctionalInterface
  interface Lookup {
    InetAddress[] all(String host) throws UnknownHostException;
  }

  /** A name led to an address that sinks must not have. */
  static final class NotAllowed extends IOException {
    private static final long serialVersionUID = 1L;

    NotAllowed() {
      super("a sink's name leads to an address that is not allowed");
    }
  }

  private static final class Host {
    List<InetAddress> addresses = List.of();
    long atNanos;
    int turn;
    @Nullable Future<List<InetAddress>> underWay;
  }

  private final Vertx vertx;
  private final Lookup lookup;
  private final boolean allowPrivate;
  private final LongSupplier nanos;
  private final Map<String, Host> hosts = new HashMap<>();

  SinkAddresses(Vertx vertx, Lookup lookup, boolean allowPrivate, LongSupplier nanos) {
    this.vertx = vertx;
    this.lookup = lookup;
    this.allowPrivate = allowPrivate;
    this.nanos = nanos;
  }

  /** An address to connect to; fails with NotAllowed, or where the name leads nowhere. */
  Future<InetAddress> of(ActionSink sink) {
    Host host = hosts.computeIfAbsent(sink.host(), name -> new Host());
    long age = nanos.getAsLong() - host.atNanos;
    if (!host.addresses.isEmpty() && age < FRESH_NANOS) {
      return Future.succeededFuture(pick(host.addresses, host.turn));
    }
    return lookedUp(sink.host(), host)
        .timeout(LOOKUP_MS, TimeUnit.MILLISECONDS)
        .map(addresses -> pick(addresses, host.turn)) // the host may not have them yet
        .recover(
            e ->
                !(e instanceof NotAllowed) && !host.addresses.isEmpty() && age < STALE_NANOS
                    ? Future.succeededFuture(pick(host.addresses, host.turn))
                    : Future.failedFuture(e));
  }

  /** The address picked last took no connection: another one is next. */
  void failed(ActionSink sink) {
    Host host = hosts.get(sink.host());
    if (host != null) {
      host.turn++;
    }
  }

  private static InetAddress pick(List<InetAddress> of, int turn) {
    return of.get(Math.floorMod(turn, of.size()));
  }

  private Future<List<InetAddress>> lookedUp(String name, Host host) {
    Future<List<InetAddress>> before = host.underWay;
    if (before != null) {
      return before;
    }
    long asked = nanos.getAsLong();
    Future<List<InetAddress>> found = vertx.executeBlocking(() -> checked(lookup.all(name)), false);
    host.underWay = found;
    found.onComplete(
        done -> {
          host.underWay = null;
          if (done.succeeded()) {
            host.addresses = done.result();
            host.atNanos = asked;
          } else if (done.cause() instanceof NotAllowed) {
            host.addresses = List.of();
          }
        });
    return found;
  }

  /** One that is not allowed spoils them all: whoever answers for the name is not to be trusted. */
  private List<InetAddress> checked(InetAddress[] addresses) throws IOException {
    for (InetAddress address : addresses) {
      if (!AddressRule.allows(address, allowPrivate)) {
        throw new NotAllowed();
      }
    }
    if (addresses.length == 0) {
      throw new UnknownHostException("no address");
    }
    return List.of(addresses);
  }
}
