package io.apgms.ml.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What the clients of a campaign asked and were answered, one JSON line an event. An event is on
 * disk before its caller goes on: what was asked is known before it is sent, what was answered
 * before anything is built on it. All that wait share one fsync.
 */
final class History implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  enum Kind {
    DECISION,
    LABEL
  }

  /** UNKNOWN where the answer was lost or 5xx: it may have happened. */
  enum Outcome {
    OK,
    FAIL,
    UNKNOWN
  }

  /**
   * One attempt.
   *
   * @param trace stands in the row that it leaves; attempts of one idempotent request share it
   * @param sent what must be in that row as it was sent
   * @param refused whether it is one that must be refused
   */
  record Asked(String trace, Kind kind, String sent, boolean refused) {}

  /**
   * What became of it.
   *
   * @param id of the prediction or label, empty where none was answered
   * @param answer what must be in the row as it was answered
   */
  record Answered(Outcome outcome, int status, String id, String answer) {
    static final Answered LOST = new Answered(Outcome.UNKNOWN, 0, "", "");
  }

  /** Both. */
  record Operation(Asked asked, Answered answered) {}

  private final FileChannel file;
  private final Thread writer = new Thread(this::write, "history");
  private StringBuilder waiting = new StringBuilder();
  private long added;
  private long durable;
  private long operations;
  private boolean closed;
  private IOException failure;

  History(Path path) throws IOException {
    file = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    writer.start();
  }

  /** The number of the attempt, once it is on disk. */
  long asked(Asked asked) {
    ObjectNode line = JSON.createObjectNode();
    line.put("event", "asked").put("trace", asked.trace()).put("kind", asked.kind().name());
    line.put("sent", asked.sent()).put("refused", asked.refused());
    synchronized (this) {
      long n = operations++;
      append(line.put("n", n));
      return n;
    }
  }

  void answered(long n, Answered answered) {
    ObjectNode line = JSON.createObjectNode();
    line.put("event", "answered").put("n", n).put("outcome", answered.outcome().name());
    line.put("status", answered.status()).put("id", answered.id()).put("answer", answered.answer());
    append(line);
  }

  private synchronized void append(ObjectNode line) {
    waiting.append(line).append('\n');
    long mine = ++added;
    notifyAll();
    try {
      while (durable < mine && failure == null) {
        wait();
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    if (failure != null) {
      throw new UncheckedIOException(failure);
    }
  }

  private void write() {
    try {
      for (Batch batch = next(); batch != null; batch = next()) {
        ByteBuffer bytes = ByteBuffer.wrap(batch.text.getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
          file.write(bytes);
        }
        file.force(false);
        written(batch.upTo, null);
      }
    } catch (IOException e) {
      written(0, e);
    }
  }

  private record Batch(String text, long upTo) {}

  private synchronized Batch next() {
    try {
      while (waiting.isEmpty() && !closed) {
        wait();
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    Batch batch = waiting.isEmpty() ? null : new Batch(waiting.toString(), added);
    waiting = new StringBuilder();
    return batch;
  }

  private synchronized void written(long upTo, IOException failed) {
    durable = upTo;
    failure = failed;
    notifyAll();
  }

  /** Every attempt of a file; what was never answered is unknown. */
  static List<Operation> read(Path path) throws IOException {
    Map<Long, Asked> asked = new HashMap<>();
    Map<Long, Answered> answered = new HashMap<>();
    try (Stream<String> lines = Files.lines(path)) {
      for (String line : (Iterable<String>) lines::iterator) {
        JsonNode event = JSON.readTree(line);
        long n = event.path("n").asLong();
        if (event.path("event").asText().equals("asked")) {
          asked.put(
              n,
              new Asked(
                  event.path("trace").asText(),
                  Kind.valueOf(event.path("kind").asText()),
                  event.path("sent").asText(),
                  event.path("refused").asBoolean()));
        } else {
          answered.put(
              n,
              new Answered(
                  Outcome.valueOf(event.path("outcome").asText()),
                  event.path("status").asInt(),
                  event.path("id").asText(),
                  event.path("answer").asText()));
        }
      }
    }
    List<Operation> all = new ArrayList<>();
    asked.forEach((n, a) -> all.add(new Operation(a, answered.getOrDefault(n, Answered.LOST))));
    return all;
  }

  @Override
  public void close() throws IOException {
    synchronized (this) {
      closed = true;
      notifyAll();
    }
    try {
      writer.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    file.close();
  }
}
