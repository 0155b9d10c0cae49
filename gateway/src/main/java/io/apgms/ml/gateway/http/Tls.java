package io.apgms.ml.gateway.http;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpVersion;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The certificate of both listeners, followed as its files change. Connections that are open keep
 * the certificate they began with.
 *
 * <p>Thread-safe: the files are read on worker threads, one read at a time.
 */
public final class Tls implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Tls.class);
  private static final long POLL_MS = 1_000;
  private static final int HANDSHAKE_SECONDS = 5;

  private final Vertx vertx;
  private final Path cert;
  private final Path key;
  private final Counter failures;
  private final List<HttpServer> servers = new CopyOnWriteArrayList<>();
  private final AtomicBoolean reading = new AtomicBoolean();
  private final long timer;
  private volatile TlsPair pair;
  private byte[] seen; // guarded by reading, as is settled
  private boolean settled = true;

  private Tls(Vertx vertx, Path cert, Path key, TlsPair pair, MeterRegistry meters) {
    this.vertx = vertx;
    this.cert = cert;
    this.key = key;
    this.pair = pair;
    this.seen = pair.hash();
    this.failures = Counter.builder("apgms_ml_tls_reload_failures").register(meters);
    Gauge.builder("apgms_ml_tls_expiry_seconds", this, Tls::expirySeconds)
        .strongReference(true)
        .register(meters);
    this.timer = vertx.setPeriodic(POLL_MS, id -> poll());
  }

  /**
   * Reads the pair, blocking, and follows it from then on.
   *
   * @throws IOException where the files are no pair that a server can show
   */
  public static Tls open(Vertx vertx, Path cert, Path key, MeterRegistry meters)
      throws IOException {
    return new Tls(vertx, cert, key, TlsPair.read(vertx, cert, key), meters);
  }

  /** TLS 1.2 and 1.3, with HTTP/2 offered by ALPN. */
  HttpServerOptions apply(HttpServerOptions options) {
    return apply(options, pair);
  }

  private static HttpServerOptions apply(HttpServerOptions options, TlsPair pair) {
    return options
        .setSsl(true)
        .setKeyCertOptions(pair.options())
        .setEnabledSecureTransportProtocols(Set.of("TLSv1.2", "TLSv1.3"))
        .setSslHandshakeTimeout(HANDSHAKE_SECONDS)
        .setSslHandshakeTimeoutUnit(TimeUnit.SECONDS)
        .setUseAlpn(true)
        .setAlpnVersions(List.of(HttpVersion.HTTP_2, HttpVersion.HTTP_1_1));
  }

  /** Gives a listening server each new pair. */
  void follow(HttpServer server) {
    servers.add(server);
  }

  private double expirySeconds() {
    return pair.expires().getEpochSecond() - System.currentTimeMillis() / 1_000.0;
  }

  /** A slow disk delays the next look; looks never pile up. */
  private void poll() {
    if (!reading.compareAndSet(false, true)) {
      return;
    }
    vertx
        .executeBlocking(this::changed, false)
        .compose(this::install)
        .onComplete(
            done -> {
              reading.set(false);
              if (done.failed()) {
                failures.increment();
                LOG.warn(
                    "the changed TLS files are not taken, the certificate before stays: {}",
                    done.cause().getMessage());
              }
            });
  }

  /**
   * The pair now in the files, or null where nothing is new. A change is taken when two looks agree
   * on it: the two files are seldom replaced at one instant.
   */
  private @Nullable TlsPair changed() throws IOException {
    TlsPair.@Nullable Files files = null;
    IOException unreadable = null;
    try {
      files = TlsPair.Files.read(cert, key);
    } catch (IOException e) {
      unreadable = e;
    }
    byte[] hash = files == null ? new byte[0] : files.hash();
    if (!Arrays.equals(hash, seen)) {
      seen = hash;
      settled = false;
      return null;
    }
    if (settled) {
      return null;
    }
    settled = true; // also a bad one: it is reported once
    if (files == null) {
      throw unreadable == null ? new IOException("tls files") : unreadable;
    }
    return TlsPair.of(vertx, files);
  }

  private Future<Void> install(@Nullable TlsPair next) {
    if (next == null) {
      return Future.succeededFuture();
    }
    HttpServerOptions options = apply(new HttpServerOptions(), next);
    List<Future<Boolean>> updates = new ArrayList<>();
    for (HttpServer server : servers) {
      updates.add(server.updateSSLOptions(options.getSslOptions()));
    }
    return Future.all(updates)
        .map(
            all -> {
              pair = next;
              LOG.info("TLS certificate reloaded, it expires {}", next.expires());
              return null;
            });
  }

  @Override
  public void close() {
    vertx.cancelTimer(timer);
  }
}
