package io.apgms.ml.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.History.Answered;
import io.apgms.ml.gateway.History.Asked;
import io.apgms.ml.gateway.History.Kind;
import io.apgms.ml.gateway.History.Outcome;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAccumulator;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;

/**
 * One client of a campaign, one request at a time over a connection that it keeps: decisions with
 * and without a requestId, holds, labels, repetitions, and what must be refused. What has a key is
 * asked again until the answer is known.
 */
final class HistoryClient implements Runnable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int TIMEOUT_MS = 10_000;
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
  private static final int MOST_RETRIES = 1_200; // two minutes of them
  private static final int MOST_KNOWN = 1_000;
  private static final int HOLDS_AN_ENTITY = 8;

  /** What all clients of a campaign share. */
  static final class Shared {
    final int port;
    final History history;
    final LongAdder ok = new LongAdder();
    final LongAdder committed = new LongAdder(); // of ok: those that needed the database
    final LongAdder unknown = new LongAdder();
    final LongAccumulator longestMs = new LongAccumulator(Math::max, 0);
    volatile long pauseNanos; // of each client after each of its requests
    volatile boolean stop;

    Shared(int port, History history) {
      this.port = port;
      this.history = history;
    }
  }

  /** A decision that was acknowledged, to be labelled. */
  private record Known(String id, boolean review) {}

  private record Request(Asked asked, String path, String body, String key) {}

  private final Shared shared;
  private final int client;
  private final SplittableRandom random;
  private final List<Known> known = new ArrayList<>();
  private final List<String> requestIds = new ArrayList<>();
  private Socket socket;
  private long turn;
  private long holds;

  HistoryClient(Shared shared, int client) {
    this.shared = shared;
    this.client = client;
    this.random = new SplittableRandom(client);
  }

  @Override
  public void run() {
    while (!shared.stop) {
      turn++;
      int dice = random.nextInt(100);
      if (dice < 40) {
        once(decision(false, false));
      } else if (dice < 55) {
        untilKnown(decision(true, false));
      } else if (dice < 65) {
        once(decision(false, true));
      } else if (dice < 75) {
        untilKnown(decision(true, true));
      } else if (dice < 95 && !known.isEmpty()) {
        untilKnown(label(true));
      } else if (dice < 98 && !known.isEmpty()) {
        once(label(false));
      } else if (!requestIds.isEmpty()) {
        once(otherBody());
      }
      LockSupport.parkNanos(shared.pauseNanos);
    }
    close();
  }

  private String trace() {
    return "c" + client + "-" + turn;
  }

  private Request decision(boolean keyed, boolean hold) {
    String requestId = keyed ? trace() : null;
    String entity = "c" + client + (hold ? "-h" + holds++ / HOLDS_AN_ENTITY : "");
    return decision(requestId, entity, hold, false);
  }

  /** A requestId that is taken, with other inputs: refused, and nothing is left of it. */
  private Request otherBody() {
    String taken = requestIds.get(random.nextInt(requestIds.size()));
    return decision(taken, "other", false, true);
  }

  private Request decision(String requestId, String entity, boolean hold, boolean refused) {
    float input = ((client << 12) | (turn & 0xfff)) / (float) (1 << 20); // exact in 24 bits
    ObjectNode body = JSON.createObjectNode().put("modelId", "risk-score");
    ObjectNode inputs = body.putObject("inputs");
    inputs.put("liquidity_ratio", hold ? 0.4 : 3).put("cash_burn_rate", hold ? 0.9 : 0);
    inputs.put("revenue_variance", hold ? 1.8 : 0.1).put("late_lodgements_12m", hold ? 5 : 0);
    inputs.put("days_since_last_lodgement", hold ? 210 : 20);
    inputs.put("payroll_to_revenue", 0.7).put("tax_debt_ratio", hold ? 0.9 : 0);
    inputs.put("industry_volatility", input).put("account_age_months", hold ? 14 : 200);
    inputs.put("refund_claim_ratio", hold ? 0.5 : 0).put("director_changes_24m", hold ? 3 : 0);
    inputs.put("transaction_anomalies_30d", hold ? 9 : 0);
    if (requestId != null) {
      body.put("requestId", requestId);
    }
    body.put("entityId", entity).putObject("groups").put("op", trace());
    String sent = HistoryTables.sentDecision(requestId, entity, input);
    Asked asked = new Asked(trace(), Kind.DECISION, sent, refused);
    return new Request(asked, "/ml/score", body.toString(), null);
  }

  /** Of a decision that was acknowledged; one that contradicts it is refused. */
  private Request label(boolean fits) {
    Known of = known.get(random.nextInt(known.size()));
    String label = of.review() == fits ? "FALSE_POSITIVE" : "TRUE_NEGATIVE";
    ObjectNode body = JSON.createObjectNode().put("modelId", "risk-score");
    body.put("modelVersion", "20261123").put("predictionId", of.id()).put("label", label);
    body.put("source", "OPERATOR").put("submittedBy", "c" + client).put("notes", trace());
    String sent = HistoryTables.sentLabel(of.id(), label, "c" + client);
    Asked asked = new Asked(trace(), Kind.LABEL, sent, !fits);
    return new Request(asked, "/ml/feedback", body.toString(), trace());
  }

  private void once(Request request) {
    Answered answered = attempt(request);
    for (int i = 0; answered.status() == 0 && answered.outcome() == Outcome.FAIL; i++) {
      if (shared.stop || i == MOST_RETRIES) {
        return;
      }
      LockSupport.parkNanos(PAUSE_NANOS); // nobody listens: the service is being started
      answered = attempt(request);
    }
  }

  private void untilKnown(Request request) {
    for (int i = 0; i < MOST_RETRIES; i++) {
      Answered answered = attempt(request);
      if (answered.status() > 0 && answered.outcome() != Outcome.UNKNOWN) {
        break;
      }
      LockSupport.parkNanos(PAUSE_NANOS);
    }
    if (random.nextInt(16) == 0) {
      attempt(request); // as a client that lost its own record of the answer
    }
    if (request.asked().kind() == Kind.DECISION && requestIds.size() < MOST_KNOWN) {
      requestIds.add(request.asked().trace());
    }
  }

  private Answered attempt(Request request) {
    long n = shared.history.asked(request.asked());
    long began = System.nanoTime();
    Answered answered = exchange(request);
    long tookMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
    shared.longestMs.accumulate(tookMs);
    shared.history.answered(n, answered);
    if (answered.outcome() == Outcome.OK) {
      shared.ok.increment();
      if (request.body().contains("requestId") || request.key() != null) {
        shared.committed.increment();
      }
    } else if (answered.outcome() == Outcome.UNKNOWN) {
      shared.unknown.increment();
    }
    return answered;
  }

  private Answered exchange(Request request) {
    try {
      if (socket == null) {
        socket = new Socket(InetAddress.getLoopbackAddress(), shared.port);
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(TIMEOUT_MS);
      }
    } catch (ConnectException e) {
      return new Answered(Outcome.FAIL, 0, "", ""); // nothing was sent
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    try {
      byte[] body = request.body().getBytes(StandardCharsets.UTF_8);
      String head =
          "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n"
              .formatted(
                  request.path(),
                  request.key() == null ? "" : "Idempotency-Key: " + request.key() + "\r\n",
                  body.length);
      byte[] bytes = (head + request.body()).getBytes(StandardCharsets.UTF_8);
      socket.getOutputStream().write(bytes);
      return answer(request, new BufferedInputStream(socket.getInputStream()));
    } catch (IOException e) {
      close();
      return Answered.LOST;
    }
  }

  private Answered answer(Request request, InputStream in) throws IOException {
    int status = Integer.parseInt(line(in).split(" ", 3)[1]);
    int length = 0;
    boolean last = false;
    for (String line = line(in); !line.isEmpty(); line = line(in)) {
      String header = line.toLowerCase(Locale.ROOT);
      if (header.startsWith("content-length:")) {
        length = Integer.parseInt(header.substring(15).strip());
      }
      last |= header.startsWith("connection:") && header.contains("close");
    }
    JsonNode body = JSON.readTree(in.readNBytes(length));
    if (last) {
      close();
    }
    if (status >= 300) {
      return new Answered(status < 500 ? Outcome.FAIL : Outcome.UNKNOWN, status, "", "");
    }
    if (request.asked().kind() == Kind.LABEL) {
      return new Answered(Outcome.OK, status, body.path("id").asText(), "label");
    }
    String id = body.path("predictionId").asText();
    boolean enforced = body.at("/decision/enforced").asBoolean();
    if (known.size() < MOST_KNOWN) {
      known.add(new Known(id, body.path("recommendation").asText().equals("review")));
    }
    String answer = HistoryTables.answer(body.path("score").asDouble(), enforced);
    return new Answered(Outcome.OK, status, id, answer);
  }

  private static String line(InputStream in) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = in.read(); c != '\n'; c = in.read()) {
      if (c < 0) {
        throw new IOException("closed");
      }
      if (c != '\r') {
        line.append((char) c);
      }
    }
    return line.toString();
  }

  private void close() {
    try {
      if (socket != null) {
        socket.close();
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    socket = null;
  }
}
