package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyIn;

/** PostgreSQL away for a long time while scoring goes on as fast as it can. */
class ITOutage {
  private static final boolean SOAK = Boolean.getBoolean("soak");
  private static final Duration STEADY = Duration.ofSeconds(SOAK ? 20 : 3);
  private static final Duration AWAY = SOAK ? Duration.ofMinutes(10) : Duration.ofSeconds(8);
  private static final Duration DRAINED = Duration.ofMinutes(15);
  private static final int CLIENTS = 4;
  private static final double FULL = 0.8; // of what is answered when nothing is held back
  private static final long CATCH_UP_NANOS = 1_000_000_000L;

  @TempDir Path dir;

  /** Scores one row after the other and keeps the ids that it was answered. */
  private static final class Scorer extends Thread {
    private static final byte[] ID = "\"predictionId\":\"".getBytes(StandardCharsets.UTF_8);
    private final int port;
    private final byte[] request;
    private long[] ids = new long[1 << 17]; // two for each
    private long[] nanos = new long[1 << 16];
    private volatile long gapNanos;
    private final AtomicInteger answered = new AtomicInteger();
    private volatile String failure = "";
    private volatile boolean stop;

    Scorer(int port, int number) {
      this.port = port;
      String body = "{\"entityId\":\"o" + number + "\"," + ITFaults.CALM.substring(1);
      this.request =
          ("POST /ml/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  + "Content-Length: "
                  + body.length()
                  + "\r\n\r\n"
                  + body)
              .getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public void run() {
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(10_000);
        InputStream in = new BufferedInputStream(socket.getInputStream());
        long due = System.nanoTime();
        while (!stop) {
          due = Math.max(due + gapNanos, System.nanoTime() - CATCH_UP_NANOS);
          while (gapNanos > 0 && System.nanoTime() < due) {
            LockSupport.parkNanos(due - System.nanoTime());
          }
          long began = System.nanoTime();
          socket.getOutputStream().write(request);
          UUID id = read(in);
          int n = answered.get();
          if (n == nanos.length) {
            nanos = Arrays.copyOf(nanos, 2 * n);
            ids = Arrays.copyOf(ids, 4 * n);
          }
          nanos[n] = System.nanoTime() - began;
          ids[2 * n] = id.getMostSignificantBits();
          ids[2 * n + 1] = id.getLeastSignificantBits();
          answered.set(n + 1);
        }
      } catch (IOException e) {
        failure = e.toString();
      }
    }

    private UUID read(InputStream in) throws IOException {
      byte[] answer = new byte[2_048];
      int length = 0;
      int body = 0;
      int whole = Integer.MAX_VALUE;
      while (length < whole) {
        int n = in.read(answer, length, answer.length - length);
        if (n < 0) {
          throw new IOException("closed");
        }
        length += n;
        if (body == 0) {
          String head = new String(answer, 0, length, StandardCharsets.ISO_8859_1);
          body = head.indexOf("\r\n\r\n") + 4;
          if (body > 4) {
            int at = head.toLowerCase(java.util.Locale.ROOT).indexOf("content-length: ") + 16;
            whole = body + Integer.parseInt(head.substring(at, head.indexOf('\r', at)));
          } else {
            body = 0;
          }
        }
      }
      String text = new String(answer, body, length - body, StandardCharsets.ISO_8859_1);
      int at = text.indexOf(new String(ID, StandardCharsets.UTF_8));
      if (at < 0 || !text.contains("\"enforced\":false")) {
        throw new IOException("no decision: " + text);
      }
      return UUID.fromString(text.substring(at + ID.length, at + ID.length + 36));
    }
  }

  private final List<Scorer> scorers = new ArrayList<>();

  private int[] answered() {
    return scorers.stream().mapToInt(s -> s.answered.get()).toArray();
  }

  private static int sum(int[] counts) {
    return Arrays.stream(counts).sum();
  }

  /** The 99th percentile, in milliseconds, of the answers between two counts of them. */
  private double p99(int[] from, int[] to) {
    long[] all =
        java.util.stream.IntStream.range(0, scorers.size())
            .boxed()
            .flatMapToLong(
                i -> Arrays.stream(Arrays.copyOfRange(scorers.get(i).nanos, from[i], to[i])))
            .sorted()
            .toArray();
    return all[all.length * 99 / 100] / 1e6;
  }

  private static void pass(Duration time) throws InterruptedException {
    long end = System.nanoTime() + time.toNanos();
    RunningService.await(time.multipliedBy(2), () -> System.nanoTime() >= end);
  }

  @Test
  void outage_ofPostgres_scoringGoesOnAndEachDecisionIsStoredOnce() throws Exception {
    try (DurablePostgres postgres = DurablePostgres.start(dir);
        RunningService service =
            RunningService.start(
                dir,
                Map.of(
                    "ML_DATABASE_URL",
                    postgres.url(),
                    "ML_SPOOL_MAX_BYTES",
                    Long.toString(16L << 30)))) {
      for (int i = 0; i < CLIENTS; i++) {
        scorers.add(new Scorer(service.apiPort(), i));
      }
      scorers.forEach(Thread::start);
      pass(STEADY);
      int[] warm = answered();
      pass(STEADY);
      double most = (sum(answered()) - sum(warm)) / (double) STEADY.toSeconds();
      scorers.forEach(s -> s.gapNanos = (long) (CLIENTS * 1e9 / (FULL * most)));
      warm = answered();
      pass(STEADY);
      int[] before = answered();
      List<String> commandLine = postgres.kill();
      long began = System.nanoTime();
      pass(AWAY);
      int[] away = answered();
      final double awaySeconds = (System.nanoTime() - began) / 1e9;
      double spooled = service.metric("apgms_ml_telemetry_spool_bytes");
      postgres.startAgain(commandLine);
      long back = System.nanoTime();
      int[] drainFrom = answered();
      RunningService.await(DRAINED, () -> lag(service) < 2);
      final double drainSeconds = (System.nanoTime() - back) / 1e9;
      int[] drained = answered();
      for (Scorer scorer : scorers) {
        scorer.stop = true;
        scorer.join();
      }
      assertThat(scorers).extracting(s -> s.failure).containsOnly("");
      RunningService.await(DRAINED, () -> metric(service, "apgms_ml_telemetry_spool_bytes") == 0);
      int[] all = answered();
      System.out.printf(
          "OUTAGE %.0f s: %d answered (%.0f/s, %.0f/s before), spool %.0f MB; drained in %.1f s"
              + " at %.0f rows/s while %.0f/s more were answered; p99 %.2f ms before, %.2f away,"
              + " %.2f draining%n",
          awaySeconds,
          sum(away) - sum(before),
          (sum(away) - sum(before)) / awaySeconds,
          (sum(before) - sum(warm)) / (double) STEADY.toSeconds(),
          spooled / 1e6,
          drainSeconds,
          (sum(drained) - sum(before)) / drainSeconds,
          (sum(drained) - sum(drainFrom)) / drainSeconds,
          p99(warm, before),
          p99(before, away),
          p99(drainFrom, drained));
      assertThat(service.metric("apgms_ml_telemetry_dropped_total")).isZero();
      keep(postgres);
      assertThat(
              postgres.count(
                  "answered LEFT JOIN feedback.decision d USING (id) WHERE d.id IS NULL"))
          .isZero();
      assertThat(postgres.count("feedback.decision")).isEqualTo(sum(all));
    }
  }

  /** What was answered, into a table beside the decisions. */
  private void keep(DurablePostgres postgres) throws Exception {
    postgres.execute("CREATE TABLE answered (id uuid)");
    try (Connection connection = DriverManager.getConnection(postgres.jdbcUrl())) {
      CopyIn copy =
          connection.unwrap(PGConnection.class).getCopyAPI().copyIn("COPY answered FROM STDIN");
      for (Scorer scorer : scorers) {
        for (int i = 0; i < scorer.answered.get(); i++) {
          UUID id = new UUID(scorer.ids[2 * i], scorer.ids[2 * i + 1]);
          byte[] line = (id + "\n").getBytes(StandardCharsets.US_ASCII);
          copy.writeToCopy(line, 0, line.length);
        }
      }
      copy.endCopy();
    }
  }

  private static double lag(RunningService service) {
    return metric(service, "apgms_ml_telemetry_lag_seconds");
  }

  private static double metric(RunningService service, String name) {
    try {
      TimeUnit.MILLISECONDS.sleep(100); // a scrape costs as much as a thousand scores
      return service.metric(name);
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
