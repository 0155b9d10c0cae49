package io.apgms.ml.flags;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPOutputStream;

/**
 * What a flag service may answer that is no flag to act upon, most of it around a document that
 * would say act if it were believed.
 *
 * @param hangs whether who asks must end it
 */
public record Garbage(String name, boolean hangs, StubFlagService.Answer answer) {
  private static final String OK = "200 OK";
  private static final String JSON = "Content-Type: application/json\r\n";
  private static final int HUGE = 50 << 20;

  /** A document that acts on everything. */
  public static final String ACT = document("act");

  /** A document that observes everything. */
  public static final String OBSERVE = document("observe");

  private static String document(String variant) {
    return """
        {"version":2,"features":[{"name":"ML_DECISION_MODE","type":"operational","enabled":true,\
        "strategies":[{"name":"flexibleRollout","parameters":{"rollout":"100",\
        "stickiness":"entityId","groupId":"ML_DECISION_MODE"},"variants":[{"name":"%s",\
        "weight":1000,"stickiness":"entityId"}]}]}]}"""
        .formatted(variant);
  }

  /** A whole answer. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Http(byte[] bytes) implements StubFlagService.Answer {
    @Override
    public void write(OutputStream out) throws IOException {
      out.write(bytes);
    }
  }

  static Http http(String status, String headers, String body) {
    return http(status, headers, body.getBytes(StandardCharsets.UTF_8));
  }

  private static Http http(String status, String headers, byte[] body) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(
        StubFlagService.bytes(
            "HTTP/1.1 "
                + status
                + "\r\n"
                + headers
                + "Content-Length: "
                + body.length
                + "\r\nConnection: close\r\n\r\n"));
    all.writeBytes(body);
    return new Http(all.toByteArray());
  }

  /** The answer of a service that works. */
  public static StubFlagService.Answer flags(String document) {
    return http(OK, JSON, document);
  }

  /** All of it. */
  public static List<Garbage> all() {
    List<Garbage> all = new ArrayList<>();
    bodies(all);
    almost(all);
    statuses(all);
    framing(all);
    endless(all);
    return all;
  }

  private static void add(List<Garbage> to, String name, StubFlagService.Answer answer) {
    to.add(new Garbage(name, false, answer));
  }

  private static void bodies(List<Garbage> to) {
    String page = "<html><body>Sign in. act</body></html>";
    add(to, "HTML with 200", http(OK, "Content-Type: text/html\r\n", page));
    add(to, "HTML that says JSON", flags(page));
    for (String body :
        List.of(
            "",
            "null",
            "[]",
            "7",
            "true",
            "\"act\"",
            "{}",
            "{\"features\":[]}",
            "{\"features\":null}",
            "{\"features\":{}}",
            "{\"features\":\"ML_DECISION_MODE\"}",
            "{\"features\":[1]}",
            "{\"features\":[{}]}",
            "{\"features\":[{\"name\":7}]}")) {
      add(to, "body " + body, flags(body));
    }
    add(to, "100,000 deep", flags("{\"features\":" + "[".repeat(100_000)));
    add(to, "a number of 100,000 digits", flags("{\"version\":" + "9".repeat(100_000) + "}"));
  }

  /** Documents that act where one looks at them less closely. */
  private static void almost(List<Garbage> to) {
    add(to, "act, then more", flags(ACT + "x"));
    add(to, "act twice", flags(ACT + ACT));
    add(to, "features twice", flags("{\"features\":[]," + ACT.substring(1)));
    add(to, "enabled as a text", flags(ACT.replace("true", "\"true\"")));
    add(to, "weight as a text", flags(ACT.replace("1000", "\"1000\"")));
    add(to, "weight beyond a double", flags(ACT.replace("1000", "1e400")));
    add(to, "weight NaN", flags(ACT.replace("1000", "NaN")));
    add(to, "rollout of 1000 %", flags(ACT.replace("\"100\"", "\"1000\"")));
    add(to, "a strategy nobody knows", flags(ACT.replace("flexibleRollout", "everybody")));
    add(to, "variant ACT", flags(ACT.replace("\"act\"", "\"ACT\"")));
    add(to, "another flag", flags(ACT.replace("ML_DECISION_MODE", "ml_decision_mode")));
    add(to, "disabled", flags(ACT.replace("true", "false")));
    add(to, "act behind a byte order mark", flags("\ufeff" + ACT));
    add(to, "act in UTF-16", http(OK, JSON, ACT.getBytes(StandardCharsets.UTF_16)));
    add(to, "act in gzip", http(OK, JSON + "Content-Encoding: gzip\r\n", gzip(ACT)));
    add(to, "act as a plain text", http(OK, "Content-Type: text/plain\r\n", ACT));
    add(to, "act of no type", http(OK, "", ACT));
    add(to, "half of act", flags(ACT.substring(0, ACT.length() / 2)));
    add(to, "all of act but its end", flags(ACT.substring(0, ACT.length() - 1)));
  }

  private static byte[] gzip(String text) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
      out.write(StubFlagService.bytes(text));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return bytes.toByteArray();
  }

  /** Each with a body that acts. */
  private static void statuses(List<Garbage> to) {
    for (String status :
        List.of(
            "201 Created",
            "204 No Content",
            "206 Partial Content",
            "304 Not Modified",
            "400 Bad Request",
            "401 Unauthorized",
            "403 Forbidden",
            "404 Not Found",
            "407 Proxy Authentication Required",
            "500 Internal Server Error",
            "502 Bad Gateway",
            "503 Service Unavailable",
            "504 Gateway Timeout",
            "999 What")) {
      add(to, "status " + status, http(status, JSON, ACT));
    }
    add(to, "status 429", http("429 Too Many", JSON + "Retry-After: 86400\r\n", ACT));
    for (String status : List.of("301 Moved Permanently", "302 Found", "307 Temporary Redirect")) {
      String to404 = "Location: /api/client/features/elsewhere\r\n";
      add(to, "status " + status, http(status, JSON + to404, ACT));
    }
  }

  private static StubFlagService.Answer raw(String text) {
    return out -> out.write(StubFlagService.bytes(text));
  }

  private static void framing(List<Garbage> to) {
    String head = "HTTP/1.1 200 OK\r\n" + JSON;
    String longer = "Content-Length: " + (ACT.length() + 9) + "\r\n\r\n";
    add(to, "closed at once", raw(""));
    add(to, "no HTTP", raw("act\r\n\r\n" + ACT));
    add(to, "no number as a status", raw("HTTP/1.1 OK act\r\n\r\n" + ACT));
    add(to, "less than its Content-Length", raw(head + longer + ACT));
    add(to, "a negative Content-Length", raw(head + "Content-Length: -5\r\n\r\n" + ACT));
    add(to, "a broken chunk", raw(head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + ACT));
    add(
        to,
        "a chunk without the last",
        raw(
            head
                + "Transfer-Encoding: chunked\r\n\r\n"
                + Integer.toHexString(ACT.length())
                + "\r\n"
                + ACT
                + "\r\n"));
    add(to, "a header without end", out -> repeat(out, "HTTP/1.1 200 OK\r\nX: ", "y", HUGE));
  }

  private static void endless(List<Garbage> to) {
    String head = "HTTP/1.1 200 OK\r\n" + JSON;
    String padded = head + "Content-Length: " + (HUGE + ACT.length()) + "\r\n\r\n";
    add(to, "act in 50 MB of space", out -> repeat(out, padded + ACT, " ", HUGE));
    add(to, "50 MB without a length", out -> repeat(out, head + "\r\n[", "[0],", HUGE));
    String chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
    String chunk = "1000\r\n" + "[0],".repeat(1_024) + "\r\n";
    add(to, "50 MB in chunks", out -> repeat(out, chunked, chunk, HUGE));
    add(to, "headers without end", out -> repeat(out, head, "X-Act: act\r\n", HUGE));
    add(
        to,
        "one 100 after the other",
        out -> repeat(out, "", "HTTP/1.1 100 Continue\r\n\r\n", 4 << 20));
    String act = head + "Content-Length: " + ACT.length() + "\r\n\r\n" + ACT;
    to.add(new Garbage("act, a byte a second", true, out -> drip(out, act)));
    to.add(
        new Garbage(
            "act, its body a byte a second",
            true,
            out -> {
              int body = act.length() - ACT.length();
              out.write(StubFlagService.bytes(act.substring(0, body)));
              drip(out, act.substring(body));
            }));
    to.add(new Garbage("silence", true, out -> drip(out, "")));
    to.add(
        new Garbage(
            "all of act but a byte, then silence",
            true,
            out -> {
              out.write(StubFlagService.bytes(act.substring(0, act.length() - 1)));
              drip(out, "");
            }));
  }

  private static void repeat(OutputStream out, String first, String then, int bytes)
      throws IOException {
    out.write(StubFlagService.bytes(first));
    byte[] block = StubFlagService.bytes(then.repeat(Math.max(1, 4_096 / then.length())));
    for (int sent = 0; sent < bytes; sent += block.length) {
      out.write(block);
    }
  }

  /** A byte a second, then nothing until who asks hangs up; a minute at most. */
  private static void drip(OutputStream out, String text) throws IOException {
    byte[] bytes = StubFlagService.bytes(text);
    for (int i = 0; i < 60; i++) {
      if (i < bytes.length) {
        out.write(bytes[i]);
        out.flush();
      }
      try {
        TimeUnit.SECONDS.sleep(1); // it is what the service is slow by
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
