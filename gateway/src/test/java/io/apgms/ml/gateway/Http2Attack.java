package io.apgms.ml.gateway;

import static io.apgms.ml.gateway.Http2Bytes.CONTINUATION;
import static io.apgms.ml.gateway.Http2Bytes.DATA;
import static io.apgms.ml.gateway.Http2Bytes.END_HEADERS;
import static io.apgms.ml.gateway.Http2Bytes.END_STREAM;
import static io.apgms.ml.gateway.Http2Bytes.HEADERS;
import static io.apgms.ml.gateway.Http2Bytes.PING;
import static io.apgms.ml.gateway.Http2Bytes.PRIORITY;
import static io.apgms.ml.gateway.Http2Bytes.SETTINGS;
import static io.apgms.ml.gateway.Http2Bytes.block;
import static io.apgms.ml.gateway.Http2Bytes.frame;
import static io.apgms.ml.gateway.Http2Bytes.get;
import static io.apgms.ml.gateway.Http2Bytes.header;
import static io.apgms.ml.gateway.Http2Bytes.post;
import static io.apgms.ml.gateway.Http2Bytes.request;
import static io.apgms.ml.gateway.Http2Bytes.reset;
import static io.apgms.ml.gateway.Http2Bytes.windowUpdate;

import io.vertx.core.buffer.Buffer;
import java.util.function.IntFunction;

/**
 * What one connection does over and over. The number is that of the repetition, from 0.
 *
 * <p>Those named MADE_… are of CVE-2025-8671: the client makes the server reset its stream, which a
 * bound on the client's own resets does not count.
 */
enum Http2Attack {
  /** CVE-2023-44487. */
  RAPID_RESET(i -> get(2 * i + 1).appendBuffer(reset(2 * i + 1))),
  MADE_BY_WINDOW_OF_ZERO(i -> post(2 * i + 1).appendBuffer(windowUpdate(2 * i + 1, 0))),
  MADE_BY_WINDOW_TOO_LARGE(
      i -> post(2 * i + 1).appendBuffer(windowUpdate(2 * i + 1, Integer.MAX_VALUE))),
  MADE_BY_PRIORITY_OF_BAD_LENGTH(
      i -> post(2 * i + 1).appendBuffer(frame(PRIORITY, 0, 2 * i + 1, 0, 0))),
  MADE_BY_DATA_AFTER_THE_END(
      i -> get(2 * i + 1).appendBuffer(frame(DATA, END_STREAM, 2 * i + 1, 1))),
  MADE_BY_HEADERS_AFTER_THE_END(i -> get(2 * i + 1).appendBuffer(get(2 * i + 1))),
  MADE_BY_MORE_DATA_THAN_SAID(
      i ->
          request(2 * i + 1, false, "POST", "/ml/score", header("content-length", "1"))
              .appendBuffer(frame(DATA, 0, 2 * i + 1, 1, 2, 3))),
  MADE_BY_A_MALFORMED_HEADER(
      i -> request(2 * i + 1, true, "GET", "/ml/models", header("Upper-Case", "x"))),
  /** CERT VU#421644: a header block that never ends. */
  CONTINUATIONS(
      i ->
          i == 0
              ? frame(HEADERS, 0, 1, block("GET", "/ml/models"))
              : frame(CONTINUATION, 0, 1, 0, 1, 'a', 1, 'b')),
  EMPTY_CONTINUATIONS(
      i -> i == 0 ? frame(HEADERS, 0, 1, block("GET", "/ml/models")) : frame(CONTINUATION, 0, 1)),
  /** CVE-2019-9512. */
  PINGS(i -> frame(PING, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)),
  PINGS_BESIDE_A_BROKEN_STREAM(
      i ->
          i == 0
              ? request(1, false, "GET", "/ml/models", header("Upper-Case", "x"))
              : frame(PING, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)),
  /** CVE-2019-9515. */
  SETTINGS_EMPTY(i -> frame(SETTINGS, 0, 0)),
  SETTINGS_OF_THE_TABLE(i -> frame(SETTINGS, 0, 0, 0, 1, 0, 0, i & 15, 0)),
  /** CVE-2019-9513. */
  PRIORITIES(i -> frame(PRIORITY, 0, 2 * (i % 1_000) + 3, 0, 0, 0, 1, 255)),
  WINDOW_UPDATES(i -> windowUpdate(0, 1)),
  WINDOW_UPDATES_OF_A_CLOSED_STREAM(
      i -> i == 0 ? get(1).appendBuffer(reset(1)) : windowUpdate(1, 1)),
  UNKNOWN_FRAMES(i -> frame(77, 0, 0)),
  /** CVE-2019-9518. */
  EMPTY_DATA(i -> i == 0 ? post(1) : frame(DATA, 0, 1)),
  /** A header list of 20,000 bytes, to a server that said how many it takes. */
  LARGE_HEADERS(
      i ->
          frame(
                  HEADERS,
                  END_STREAM,
                  2 * i + 1,
                  block("GET", "/ml/models").appendBuffer(header("a", "x".repeat(10_000))))
              .appendBuffer(
                  frame(CONTINUATION, END_HEADERS, 2 * i + 1, header("b", "x".repeat(10_000))))),
  /** A kilobyte on the wire that unpacks to megabytes. */
  PACKED_HEADERS(i -> request(2 * i + 1, true, "GET", "/ml/models", packed(4_000, 1_000))),
  /** More at once than the server takes. */
  TOO_MANY_STREAMS(i -> post(2 * i + 1)),
  /** Windows of zero: nothing that is answered is taken. */
  STALL(i -> get(2 * i + 1)),
  NO_SUCH_PREFACE(i -> Buffer.buffer("GET / HTTP/1.1\r\n\r\n"));

  @SuppressWarnings("ImmutableEnumChecker") // a lambda of constants
  private final IntFunction<Buffer> unit;

  Http2Attack(IntFunction<Buffer> unit) {
    this.unit = unit;
  }

  private static Buffer packed(int bytes, int times) {
    Buffer value = header("c", "x".repeat(bytes));
    value.setByte(0, (byte) 0x40); // with indexing: entry 62 from then on
    for (int i = 0; i < times; i++) {
      value.appendByte((byte) (0x80 | 62));
    }
    return value;
  }

  /** What goes ahead of the repetitions. */
  Buffer begin() {
    return switch (this) {
      case NO_SUCH_PREFACE -> Buffer.buffer();
      case STALL -> Http2Bytes.preface(4, 0); // the first window of a stream
      default -> Http2Bytes.preface(2, 0); // no server push
    };
  }

  /** Whether another frame may follow: none may while a header block is open. */
  boolean leavesRoom() {
    return this != CONTINUATIONS && this != EMPTY_CONTINUATIONS;
  }

  /** Whether the next repetitions wait until the server has reset the last ones. */
  boolean waits() {
    return this == STALL;
  }

  Buffer unit(int i) {
    return unit.apply(i);
  }
}
