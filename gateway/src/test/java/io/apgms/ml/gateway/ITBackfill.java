package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of labels against a running service: whole, cut, hostile, and with the service killed. */
class ITBackfill {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int LINES = Boolean.getBoolean("soak") ? 1_000_000 : 45_000;

  @TempDir Path dir;

  private static String decided(RunningService service) throws Exception {
    HttpResponse<String> answer = service.api("POST", "/ml/score", ITFaults.CASE);
    return RunningService.json(answer).path("predictionId").asText();
  }

  private static String line(String id, int number) {
    return "{\"predictionId\":\""
        + id
        + "\",\"modelId\":\"risk-score\",\"modelVersion\":\"20261123\",\"label\":"
        + "\"FALSE_POSITIVE\",\"source\":\"OPERATOR\",\"submittedBy\":\"ann\",\"notes\":\"case "
        + number
        + "\"}\n";
  }

  private static JsonNode send(RunningService service, String lines) throws Exception {
    HttpResponse<String> answer =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(
                        URI.create(
                            "http://127.0.0.1:" + service.apiPort() + "/ml/feedback/backfill"))
                    .header("Content-Type", "application/x-ndjson; charset=utf-8")
                    .timeout(Duration.ofSeconds(60))
                    .POST(BodyPublishers.ofString(lines))
                    .build(),
                BodyHandlers.ofString());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    return JSON.readTree(answer.body());
  }

  private long labels() throws Exception {
    String port = Files.readAllLines(dir.resolve("data/postgres/postmaster.pid")).get(3);
    try (var connection =
            DriverManager.getConnection(
                "jdbc:postgresql://127.0.0.1:" + port + "/postgres", "postgres", "postgres");
        var statement = connection.createStatement();
        var count = statement.executeQuery("SELECT count(*) FROM feedback.model_feedback")) {
      count.next();
      return count.getLong(1);
    }
  }

  private Path file(String id) throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 1; i <= LINES; i++) {
      lines.add(line(id, i));
    }
    lines.set(6, "{\"broken\n");
    return Files.writeString(dir.resolve("labels.ndjson"), String.join("", lines));
  }

  @Test
  void backfill_serviceKilledInTheMiddle_goesOnAndKeepsEachLineOnce() throws Exception {
    try (RunningService service = RunningService.start(dir, Map.of())) {
      Path file = file(decided(service));
      Path progress = dir.resolve("labels.ndjson.progress");
      Thread killer =
          new Thread(
              () -> {
                try {
                  RunningService.await(Duration.ofSeconds(60), () -> Files.exists(progress));
                  service.kill();
                } catch (InterruptedException e) {
                  throw new IllegalStateException(e);
                }
              });
      killer.start();
      String away = service.run(Map.of(), 3, "feedback", "backfill", file.toString());
      killer.join();
      assertThat(away).contains("line 7:");
      long committed = JSON.readTree(progress.toFile()).path("line").asLong();
      assertThat(committed).isBetween(1L, LINES - 1L);
      service.launch();
      assertThat(labels()).isGreaterThanOrEqualTo(committed - 1);
      JsonNode rest =
          JSON.readTree(service.run(Map.of(), 0, "feedback", "backfill", file + "", "--json"));
      assertThat(rest.path("resumedAfter").asLong()).isEqualTo(committed);
      assertThat(rest.path("lines").asLong()).isEqualTo(LINES);
      assertThat(progress).doesNotExist();
      assertThat(labels()).isEqualTo(LINES - 1);
      // From the start again: every line is there already, and the broken one is told again.
      assertThat(service.run(Map.of(), 1, "feedback", "backfill", file.toString()))
          .contains("0 recorded, " + (LINES - 1) + " were labels before, 1 rejected");
      assertThat(labels()).isEqualTo(LINES - 1);
      assertThat(service.metric("apgms_ml_feedback_labels_total")).isPositive();
    }
  }

  /** Gives the places back; false. */
  private static boolean closed(List<Socket> sockets) {
    for (Socket socket : sockets) {
      try {
        socket.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    sockets.clear();
    return false;
  }

  @Test
  void backfill_hostileClients_takeNoMemoryAndHoldNoOtherUp() throws Exception {
    try (RunningService service = RunningService.start(dir, Map.of())) {
      String id = decided(service);
      byte[] chunk = new byte[1 << 20];
      Arrays.fill(chunk, (byte) '{');
      try (Socket socket = open(service, "Content-Length: " + ((256L << 20) + 1))) {
        OutputStream out = socket.getOutputStream();
        for (int i = 0; i < 256; i++) {
          out.write(chunk);
        }
        out.write('\n');
        String answer = read(socket);
        assertThat(answer).contains("200 OK", "\"rejected\":1", "more bytes than expected");
      }
      // Two that hang take both places; a third is told to come back, and they are freed again.
      List<Socket> hanging = new ArrayList<>();
      RunningService.await(
          Duration.ofSeconds(10),
          () -> {
            hanging.add(open(service, "Transfer-Encoding: chunked"));
            if (status(service) != 503) {
              return false;
            }
            return hanging.size() >= 2 || closed(hanging); // the place of above is free in a moment
          });
      for (Socket socket : hanging) {
        socket.close();
      }
      RunningService.await(Duration.ofSeconds(10), () -> status(service) == 200);
      // Cut in the middle of a line: the whole lines before it are kept or not, the half one is
      // not.
      try (Socket socket = open(service, "Content-Length: 100000")) {
        socket
            .getOutputStream()
            .write((line(id, 1) + line(id, 2).substring(0, 50)).getBytes(StandardCharsets.UTF_8));
      }
      JsonNode answer = send(service, line(id, 1) + line(id, 2));
      assertThat(answer.path("recorded").asInt() + answer.path("repeated").asInt()).isEqualTo(2);
      assertThat(labels()).isEqualTo(2);
    }
  }

  private static int status(RunningService service) {
    try (Socket socket = open(service, "Content-Length: 0")) {
      return Integer.parseInt(read(socket).split(" ", 3)[1]);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Socket open(RunningService service, String length) {
    try {
      return opened(service, length);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Socket opened(RunningService service, String length) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), service.apiPort());
    socket.setSoTimeout(30_000);
    String head =
        "POST /ml/feedback/backfill HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            + "Content-Type: application/x-ndjson\r\n"
            + length
            + "\r\n\r\n";
    socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
    return socket;
  }

  private static String read(Socket socket) throws IOException {
    return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }
}
