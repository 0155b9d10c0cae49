package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Bytes that no honest client sends, at both listeners: refused or closed, never answered twice.
 */
class ITHostileBytes {
  private static final int SILENCE_MS = 400;

  @TempDir static Path dir;
  private static RunningService service;

  /** A payload of one request, and what may be answered: a 4xx or a close, or also 200. */
  record Payload(String name, String bytes, boolean may200) {
    @Override
    public String toString() {
      return name;
    }
  }

  @BeforeAll
  static void start() throws Exception {
    service = RunningService.start(dir, Map.of());
  }

  @AfterAll
  static void stop() {
    service.close();
    assertThat(service.logText()).doesNotContain("Exception").doesNotContain("has been blocked");
  }

  /** One request hidden in the body of another: answered twice where two parsers disagree. */
  private static final String HIDDEN = "GET /ml/models HTTP/1.1\r\nHost: x\r\n\r\n";

  private static void post(List<Payload> to, String name, String headers, String body) {
    String start = "POST /ml/score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    to.add(new Payload(name, start + headers + "\r\n" + body, false));
  }

  private static void get(List<Payload> to, String name, String bytes) {
    to.add(new Payload(name, bytes + "\r\n", false));
  }

  private static List<Payload> lengths() {
    List<Payload> all = new ArrayList<>();
    String te = "Transfer-Encoding: ";
    String cl = "Content-Length: ";
    String zero = "0\r\n\r\n";
    post(all, "length and chunked", cl + "5\r\n" + te + "chunked\r\n", zero + HIDDEN);
    post(all, "chunked and length", te + "chunked\r\n" + cl + "5\r\n", zero + HIDDEN);
    post(
        all, "length of the hidden and chunked", cl + "60\r\n" + te + "chunked\r\n", zero + HIDDEN);
    post(all, "two lengths that differ", cl + "0\r\n" + cl + "38\r\n", HIDDEN);
    post(all, "two lengths in one", cl + "0, 38\r\n", HIDDEN);
    post(all, "two equal lengths in one", cl + "38, 38\r\n", HIDDEN);
    post(all, "length with a plus", cl + "+38\r\n", HIDDEN);
    post(all, "length below zero", cl + "-1\r\n", HIDDEN);
    post(all, "length in hexadecimal", cl + "0x26\r\n", HIDDEN);
    post(all, "length with a unit", cl + "38b\r\n", HIDDEN);
    post(all, "length with a blank inside", cl + "3 8\r\n", HIDDEN);
    post(all, "length that is empty", cl + "\r\n", HIDDEN);
    post(all, "length beyond a long", cl + "99999999999999999999\r\n", HIDDEN);
    post(all, "length beyond the bound", cl + "9223372036854775807\r\n", "{}");
    post(all, "length of other digits", cl + "\u00b3\r\n", HIDDEN);
    post(all, "length quoted", cl + "\"38\"\r\n", HIDDEN);
    post(all, "blank before the colon of the length", "Content-Length : 38\r\n", HIDDEN);
    post(all, "tab before the colon", "Transfer-Encoding\t: chunked\r\n", zero + HIDDEN);
    post(all, "blank before the name", " Content-Length: 38\r\n", HIDDEN);
    post(all, "underscore for the dash", "Content_Length: 38\r\n", "");
    post(all, "NUL in the name", "Content\0-Length: 38\r\n", HIDDEN);
    post(all, "chunked not last", te + "chunked, gzip\r\n", zero + HIDDEN);
    post(all, "chunked twice", te + "chunked, chunked\r\n", zero + HIDDEN);
    post(all, "chunked in two headers", te + "chunked\r\n" + te + "chunked\r\n", zero + HIDDEN);
    post(all, "identity then chunked", te + "identity, chunked\r\n", zero + HIDDEN);
    post(all, "identity with a length", te + "identity\r\n" + cl + "38\r\n", HIDDEN);
    post(all, "gzip coding", te + "gzip\r\n", zero + HIDDEN);
    post(all, "unknown coding", te + "xchunked\r\n", zero + HIDDEN);
    post(all, "chunked with a vertical tab", te + "\u000bchunked\r\n", zero + HIDDEN);
    post(all, "chunked quoted", te + "\"chunked\"\r\n", zero + HIDDEN);
    post(all, "chunked with a parameter", te + "chunked;q=1\r\n", zero + HIDDEN);
    post(all, "chunked folded", te + "\r\n chunked\r\n" + cl + "5\r\n", zero + HIDDEN);
    post(all, "header folded", "X: a\r\n b\r\n" + cl + "x\r\n", HIDDEN);
    post(all, "header cut by CR", "X: a\rContent-Length: 38\r\n" + cl + "x\r\n", HIDDEN);
    post(all, "length ended by a bare LF", cl + "2\n" + te + "chunked\r\n", zero + HIDDEN);
    return all;
  }

  private static List<Payload> chunks() {
    List<Payload> all = new ArrayList<>();
    String chunked = "Transfer-Encoding: chunked\r\n";
    Map<String, String> bodies = new java.util.LinkedHashMap<>();
    bodies.put("size is a word", "no size\r\n{}\r\n0\r\n\r\n");
    bodies.put("size is empty", "\r\n{}\r\n0\r\n\r\n");
    bodies.put("size below zero", "-1\r\n{}\r\n0\r\n\r\n");
    bodies.put("size with a plus", "+2\r\n{}\r\n0\r\n\r\n");
    bodies.put("size with 0x", "0x2\r\n{}\r\n0\r\n\r\n");
    bodies.put("size beyond an int", "100000002\r\n{}\r\n0\r\n\r\n");
    bodies.put("size that overflows to two", "10000000000000002\r\n{}\r\n0\r\n\r\n");
    bodies.put("size of the largest int", "7fffffff\r\n{}");
    bodies.put("size too small", "1\r\n{}\r\n0\r\n\r\n" + HIDDEN);
    bodies.put("size too large", "9\r\n{}\r\n0\r\n\r\n" + HIDDEN);
    bodies.put("no line end after the data", "2\r\n{}0\r\n\r\n" + HIDDEN);
    bodies.put("other bytes after the data", "2\r\n{}XX0\r\n\r\n" + HIDDEN);
    bodies.put("bare LF after the size", "2\n{}\r\n0\r\n\r\n" + HIDDEN);
    bodies.put("bare LF after the data", "2\r\n{}\n0\r\n\r\n" + HIDDEN);
    bodies.put("bare CR after the size", "2\r{}\r\n0\r\n\r\n" + HIDDEN);
    bodies.put("extension that ends in a bare LF", "2;x\n{}\r\n0\r\n\r\n" + HIDDEN);
    bodies.put("extension of a line end in quotes", "2;a=\"\r\n\"\r\n{}\r\n0\r\n\r\n" + HIDDEN);
    bodies.put("extension without end", "2;" + "x".repeat(20_000));
    bodies.put("extensions to each byte", "1;a=b\r\n{\r\n".repeat(3_000) + "0\r\n\r\n");
    bodies.put("size of many zeros", "0".repeat(20_000) + "2\r\n{}\r\n0\r\n\r\n");
    bodies.put("trailer without end", "2\r\n{}\r\n0\r\nX: " + "x".repeat(40_000));
    bodies.put("trailer of a length", "2\r\n{}\r\n0\r\nContent-Length: 38\r\n\r\n");
    bodies.put("trailer that is none", "2\r\n{}\r\n0\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
    bodies.put("never ended", "2\r\n{}\r\n");
    bodies.put("larger than the bound", "20000\r\n" + " ".repeat(0x20000) + "\r\n0\r\n\r\n");
    bodies.forEach((name, body) -> post(all, "chunk: " + name, chunked, body));
    return all;
  }

  private static List<Payload> lines() {
    List<Payload> all = new ArrayList<>();
    String host = "Host: x\r\n";
    String models = "GET /ml/models HTTP/1.1\r\n";
    get(all, "no Host", models);
    get(all, "no Host, and one hidden", models + "\r\n" + HIDDEN);
    get(all, "two Hosts", models + "Host: x\r\nHost: y\r\n");
    get(all, "two equal Hosts", models + "Host: x\r\nHost: x\r\n");
    get(all, "Host with a path", models + "Host: x/y\r\n");
    get(all, "Host with a user", models + "Host: a@b\r\n");
    get(all, "Host with a bad port", models + "Host: x:99999\r\n");
    get(all, "Host folded", models + "Host: x\r\n y\r\n");
    get(all, "path that is no encoding", "GET /ml/models/%zz HTTP/1.1\r\n" + host);
    get(all, "path cut in an encoding", "GET /ml/models/%2 HTTP/1.1\r\n" + host);
    get(all, "query that is no encoding", "GET /ml/predictions?limit=%zz HTTP/1.1\r\n" + host);
    get(all, "path of bytes", "GET /ml/\u00ff\u00fe HTTP/1.1\r\n" + host);
    get(all, "path upwards", "GET /ml/../../../etc/passwd HTTP/1.1\r\n" + host);
    get(all, "path upwards encoded", "GET /ml/models/%2e%2e%2f%2e%2e%2fetc HTTP/1.1\r\n" + host);
    get(all, "path of a NUL", "GET /ml/models/%00 HTTP/1.1\r\n" + host);
    get(all, "path without its slash", "GET ml/models HTTP/1.1\r\n" + host);
    get(all, "path missing", "GET HTTP/1.1\r\n" + host);
    get(all, "path of blanks", "GET /a b c HTTP/1.1\r\n" + host);
    get(all, "path too long", "GET /" + "a".repeat(5_000) + " HTTP/1.1\r\n" + host);
    get(all, "target of a star", "OPTIONS * HTTP/1.1\r\n" + host);
    get(all, "CONNECT", "CONNECT example.org:443 HTTP/1.1\r\n" + host);
    get(all, "TRACE", "TRACE /ml/models HTTP/1.1\r\n" + host);
    get(all, "method unknown", "ABSURD /ml/models HTTP/1.1\r\n" + host);
    get(all, "method in lower case", "get /ml/models HTTP/1.1\r\n" + host);
    get(all, "method of symbols", "G@T /ml/models HTTP/1.1\r\n" + host);
    get(all, "method of a NUL", "G\0T /ml/models HTTP/1.1\r\n" + host);
    get(all, "method too long", "A".repeat(9_000) + " / HTTP/1.1\r\n" + host);
    get(all, "method of another protocol", "PRI * HTTP/2.0\r\n\r\nSM\r\n");
    get(all, "method wrong for the route", "DELETE /ml/score HTTP/1.1\r\n" + host);
    get(all, "version missing", "GET /ml/models\r\n" + host);
    get(all, "version 9.9", "GET /ml/models HTTP/9.9\r\n" + host);
    get(all, "version of words", "GET /ml/models HTTP/one\r\n" + host);
    get(all, "version 0.9", "GET /ml/models HTTP/0.9\r\n" + host);
    get(all, "header without a colon", models + host + "nonsense\r\n");
    get(all, "header without a name", models + host + ": a\r\n");
    get(all, "header name of blanks", models + host + "a b: c\r\n");
    get(all, "header name of bytes", models + host + "\u00e9: c\r\n");
    get(all, "header value of a NUL", models + host + "a: b\0c\r\n");
    get(all, "header too long", models + host + "A: " + "a".repeat(20_000) + "\r\n");
    get(all, "headers too many", models + host + "A: a\r\n".repeat(5_000));
    get(all, "header of a bare CR", models + host + "a: b\rc: d\r\n");
    get(all, "random bytes", "\u0000\u0001\u0002\u00ff\u00fe\u007f".repeat(200) + "\r\n");
    get(all, "TLS hello", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003\r\n");
    get(
        all,
        "timeout that is none",
        "POST /ml/score HTTP/1.1\r\n" + host + "Content-Length: 0\r\n");
    all.add(new Payload("empty Host", models + "Host:\r\n\r\n", true)); // as RFC 9112 has it
    all.add(new Payload("expectation unknown", models + host + "Expect: 200-ok\r\n\r\n", true));
    all.add(new Payload("upgrade to HTTP/2", models + host + "Upgrade: h2c\r\n\r\n", true));
    all.add(new Payload("upgrade to a socket", models + host + "Upgrade: websocket\r\n\r\n", true));
    all.add(
        new Payload("bare LF for every line end", "GET /ml/models HTTP/1.1\nHost: x\n\n", true));
    all.add(new Payload("HTTP/1.0 without Host", "GET /ml/models HTTP/1.0\r\n\r\n", true));
    all.add(new Payload("blank lines before it", "\r\n\r\n" + models + host + "\r\n", true));
    return all;
  }

  static List<Payload> payloads() {
    List<Payload> all = lengths();
    all.addAll(chunks());
    all.addAll(lines());
    return all;
  }

  /** What is wrong with an answer, or null. */
  private static String wrong(Payload payload, RawHttp.Answer answer) {
    if (answer.statuses().size() > 1) {
      return "answered " + answer.statuses();
    }
    if (answer.statuses().isEmpty()) {
      return null; // closed, or waited for the rest of a request that is not whole
    }
    int status = answer.statuses().get(0);
    boolean version = status == 501 && answer.closed(); // of a version that is not spoken
    boolean ok = (status >= 400 && status < 500) || version || (payload.may200 && status == 200);
    return ok ? null : "answered " + status;
  }

  private static RawHttp.Answer send(int port, Payload payload) throws IOException {
    byte[] bytes = payload.bytes.getBytes(StandardCharsets.ISO_8859_1);
    return RawHttp.send(port, bytes, false, SILENCE_MS);
  }

  @Test
  void hostileBytes_areRefusedOnceAndTheNextIsServed() throws Exception {
    List<Payload> payloads = payloads();
    assertThat(payloads).hasSizeGreaterThanOrEqualTo(60);
    assertThat(payloads).extracting(Payload::name).doesNotHaveDuplicates();
    List<String> failures = new ArrayList<>();
    int refused = 0;
    for (int port : new int[] {service.apiPort(), service.managementPort()}) {
      for (Payload payload : payloads) {
        RawHttp.Answer answer = send(port, payload);
        refused += answer.statuses().isEmpty() ? 0 : 1;
        String wrong = wrong(payload, answer);
        if (wrong != null) {
          failures.add(payload.name + ": " + wrong);
        }
        assertThat(service.api("GET", "/ml/models", null).statusCode()).isEqualTo(200);
        assertThat(service.management("GET", "/health/live", null, null).statusCode())
            .isEqualTo(200);
      }
    }
    assertThat(failures).isEmpty();
    assertThat(refused).as("answered with a 4xx, not only closed").isGreaterThan(100);
  }

  @Test
  void requestsWithoutAHostOrWithABrokenPath_are400AsProblems() throws Exception {
    for (int port : new int[] {service.apiPort(), service.managementPort()}) {
      for (String head : List.of("/ml/models HTTP/1.1", "/ml/models/%zz HTTP/1.1\r\nHost: x")) {
        RawHttp.Answer answer = send(port, new Payload(head, "GET " + head + "\r\n\r\n", false));
        assertThat(answer.statuses()).as(head).containsExactly(400);
        assertThat(answer.text()).containsIgnoringCase("content-type: application/problem+json");
      }
    }
  }

  private static int score(String headers) throws IOException {
    String start = "POST /ml/score HTTP/1.1\r\nHost: x\r\nContent-Length: ";
    String body = ITFaults.CASE;
    Payload payload =
        new Payload("one", start + body.length() + "\r\n" + headers + "\r\n" + body, true);
    return send(service.apiPort(), payload).statuses().get(0);
  }

  @Test
  void mediaTypes_otherThanJsonInUtf8_are415() throws Exception {
    String type = "Content-Type: application/json";
    for (String taken :
        List.of(
            "",
            type + "\r\n",
            type + ";charset=UTF-8\r\n",
            "content-type: Application/JSON\r\n",
            type + "\r\nContent-Encoding: identity\r\n")) {
      assertThat(score(taken)).as(taken).isEqualTo(200);
    }
    for (String refused :
        List.of(
            type + "x\r\n",
            type + "; charset=utf-16\r\n",
            type + ", text/plain\r\n",
            type + "\r\nContent-Type: text/plain\r\n",
            "Content-Type: text/plain\r\n",
            "Content-Type: \r\n",
            "Content-Encoding: gzip\r\n",
            type + "\r\nContent-Encoding: identity, gzip\r\n",
            type + "\r\nContent-Encoding: identity\r\nContent-Encoding: br\r\n")) {
      assertThat(score(refused)).as(refused).isEqualTo(415);
    }
  }

  @Test
  void parametersAndKeys_areHeldToOneRuleOnBothListeners() throws Exception {
    String oncall = service.token("oncall");
    for (String path :
        List.of(
            "/admin/audit?limit=1&limit=2",
            "/admin/audit?limit=0",
            "/admin/audit?limt=1",
            "/admin/audit?after=-1",
            "/admin/models/risk-score/active?when=2026-11-23T08:00:00Z")) {
      assertThat(service.management("GET", path, null, oncall).statusCode())
          .as(path)
          .isEqualTo(422);
    }
    for (String path : List.of("/admin/audit?limit=2&after=0", "/admin/models/risk-score/active")) {
      assertThat(service.management("GET", path, null, oncall).statusCode())
          .as(path)
          .isEqualTo(200);
    }
    for (String path : List.of("/ml/predictions?limit=1&limit=2", "/ml/feedback?limit=1&limit=1")) {
      assertThat(service.api("GET", path, null).statusCode()).as(path).isEqualTo(422);
    }
    String key = "k".repeat(256);
    String label =
        """
        {"modelId":"risk-score","modelVersion":"20261123","label":"TRUE_POSITIVE",
         "predictionId":"01936b2e-7c00-7000-8000-000000000000","source":"OPERATOR"}
        """;
    HttpResponse<String> labelled =
        service.api("POST", "/ml/feedback", label, Map.of("Idempotency-Key", key));
    assertThat(labelled.statusCode()).as(labelled.body()).isEqualTo(400);
    String rollback =
        "POST /admin/models/risk-score/rollback HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
            + oncall
            + "\r\nIdempotency-Key: "
            + key
            + "\r\nContent-Length: 14\r\n\r\n{\"reason\":\"r\"}";
    assertThat(send(service.managementPort(), new Payload("one", rollback, true)).statuses())
        .containsExactly(400);
  }

  /** The hidden request does count when it is a second one: the table could catch a split. */
  @Test
  void twoHonestRequests_areCountedAsTwo() throws Exception {
    Payload two = new Payload("two", HIDDEN + HIDDEN, true);
    assertThat(send(service.apiPort(), two).statuses()).containsExactly(200, 200);
    assertThat(wrong(two, send(service.apiPort(), two))).contains("[200, 200]");
  }

  /** A server that takes either length would be caught, and one that fails. */
  @Test
  void aCarelessServer_isCaught() throws Exception {
    String ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    String failed = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
    for (String answer : List.of(ok + ok, ok, failed)) {
      try (ServerSocket careless = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
        Thread thread =
            new Thread(
                () -> {
                  try (Socket socket = careless.accept()) {
                    socket.getInputStream().read();
                    socket.getOutputStream().write(answer.getBytes(StandardCharsets.ISO_8859_1));
                    socket.shutdownOutput();
                    socket.getInputStream().readAllBytes();
                  } catch (IOException e) {
                    // the test's own end of it says what is wrong
                  }
                });
        thread.start();
        Payload payload = payloads().get(0);
        assertThat(wrong(payload, send(careless.getLocalPort(), payload))).isNotNull();
        thread.join();
      }
    }
  }
}
