package io.apgms.ml.gateway;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetClientOptions;
import io.vertx.core.net.NetSocket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Repeats an attack over one connection, reading what comes back, until it is cut off. Each run is
 * on one event loop.
 */
final class Http2Attacker {
  private static final int UNITS_A_WRITE = 20;
  private static final int LAST_PING = 99;

  /**
   * What became of one connection.
   *
   * @param cut whether the server ended it; else it has taken all, or the time was up
   * @param goAway the error code of its GOAWAY, −1 without one
   * @param units repetitions that were written
   * @param why the text of that GOAWAY
   * @param resets RST_STREAM frames received
   * @param acks PING and SETTINGS acknowledged, the first SETTINGS among them
   */
  record Outcome(
      boolean cut, long goAway, String why, int units, int resets, int acks, long tookMs) {}

  private final Vertx vertx;
  private final NetClient client;
  private final int port;

  Http2Attacker(Vertx vertx, int port) {
    this.vertx = vertx;
    this.port = port;
    this.client =
        vertx.createNetClient(
            new NetClientOptions()
                .setSsl(true)
                .setTrustAll(true)
                .setHostnameVerificationAlgorithm("")
                .setUseAlpn(true)
                .setApplicationLayerProtocols(List.of("h2"))
                .setTcpNoDelay(true));
  }

  /** Ends when the server hangs up, has taken so many units, or when the time is up. */
  Future<Outcome> attack(Http2Attack attack, int maxUnits, Duration bound) {
    return connect().compose(socket -> attack(socket, attack, maxUnits, bound));
  }

  /** The same over a connection that has said nothing, from its event loop. */
  Future<Outcome> attack(NetSocket socket, Http2Attack attack, int maxUnits, Duration bound) {
    return new Run(socket, attack, maxUnits, bound).start();
  }

  /** A connection that speaks HTTP/2 and has not said anything. */
  Future<NetSocket> connect() {
    return client.connect(port, "127.0.0.1");
  }

  private final class Run {
    private final NetSocket socket;
    private final Http2Attack attack;
    private final int maxUnits;
    private final Promise<Outcome> done = Promise.promise();
    private final long began = System.nanoTime();
    private final long timer;
    private Buffer in = Buffer.buffer();
    private long goAway = -1;
    private String why = "";
    private int units;
    private int resets;
    private int acks;

    Run(NetSocket socket, Http2Attack attack, int maxUnits, Duration bound) {
      this.socket = socket;
      this.attack = attack;
      this.maxUnits = maxUnits;
      this.timer = vertx.setTimer(bound.toMillis(), id -> end(false));
    }

    Future<Outcome> start() {
      socket
          .handler(this::read)
          .exceptionHandler(e -> {}) // a reset is an end like another
          .closeHandler(v -> end(true))
          .drainHandler(v -> write());
      var unused = socket.write(attack.begin()); // the rest once the server's SETTINGS are there
      return done.future();
    }

    /** Some more once the last ones are on their way; what came in is read between. */
    private void write() {
      if (units >= maxUnits || done.future().isComplete() || socket.writeQueueFull()) {
        return;
      }
      Buffer some = Buffer.buffer();
      int many = attack.waits() ? 95 : UNITS_A_WRITE; // of 100 streams at once
      for (int i = 0; i < many && units < maxUnits; i++) {
        some.appendBuffer(attack.unit(units++));
      }
      if (units == maxUnits && attack.leavesRoom()) {
        some.appendBuffer(Http2Bytes.frame(Http2Bytes.PING, 0, 0, LAST_PING, 0, 0, 0, 0, 0, 0, 0));
      }
      var unused = socket.write(some);
      if (!attack.waits()) {
        vertx.runOnContext(v -> write());
      }
    }

    private void read(Buffer bytes) {
      in.appendBuffer(bytes);
      int at = 0;
      while (in.length() - at >= Http2Bytes.HEADER_BYTES) {
        int end = at + Http2Bytes.HEADER_BYTES + in.getUnsignedMedium(at);
        if (in.length() < end) {
          break;
        }
        frame(in.getByte(at + 3), in.getByte(at + 4), in.slice(at + 9, end));
        at = end;
      }
      in = in.getBuffer(at, in.length());
    }

    private void frame(int type, int flags, Buffer payload) {
      switch (type) {
        case Http2Bytes.GOAWAY -> {
          why = payload.getString(8, payload.length());
          goAway = payload.getUnsignedInt(4);
        }
        case Http2Bytes.RST_STREAM -> {
          resets++;
          if (attack.waits() && resets == units) {
            write();
          }
        }
        case Http2Bytes.PING -> {
          acks++;
          if (payload.getByte(0) == LAST_PING) {
            end(false);
          }
        }
        case Http2Bytes.SETTINGS -> settings(flags);
        default -> {}
      }
    }

    private void settings(int flags) {
      if ((flags & Http2Bytes.ACK) != 0) {
        acks++;
      } else { // its settings hold from then on
        var unused = socket.write(Http2Bytes.frame(Http2Bytes.SETTINGS, Http2Bytes.ACK, 0));
        write();
      }
    }

    private void end(boolean cut) {
      vertx.cancelTimer(timer);
      long ms = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
      if (done.tryComplete(new Outcome(cut, goAway, why, units, resets, acks, ms))) {
        var unused = socket.close();
      }
    }
  }
}
