package io.apgms.ml.gateway.trace;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A {@code traceparent} header, read as the specification has it and carried on: 00, trace id,
 * parent id, flags. A higher version is read by its first four fields and goes on as version 00. Of
 * the flags only {@code sampled} is known and kept. {@code tracestate} is not carried: what callers
 * write there is free text, and would reach the receivers of actions.
 *
 * @param traceId 32 lower-case hex digits, not all zero
 * @param parentId 16 lower-case hex digits, not all zero
 * @see <a href="https://www.w3.org/TR/trace-context/">W3C Trace Context</a>
 */
public record Traceparent(String traceId, String parentId, boolean sampled) implements Trace {
  private static final int LENGTH = 55;
  private static final int MAX_LENGTH = 512; // of a version that is not known yet
  private static final int TRACE_ID = 3;
  private static final int PARENT_ID = 36;
  private static final int FLAGS = 53;

  /** Of a request's headers of that name; null where there is not one that is well-formed. */
  public static @Nullable Traceparent of(List<String> headers) {
    return headers.size() == 1 ? parse(headers.get(0)) : null;
  }

  /** Null for what is malformed: it is ignored, as the specification asks for. */
  public static @Nullable Traceparent parse(@Nullable String text) {
    if (text == null || text.length() < LENGTH || text.length() > MAX_LENGTH) {
      return null;
    }
    boolean fields =
        hex(text, 0, 2)
            && hex(text, TRACE_ID, PARENT_ID - 1)
            && hex(text, PARENT_ID, FLAGS - 1)
            && hex(text, FLAGS, LENGTH)
            && text.charAt(2) == '-'
            && text.charAt(PARENT_ID - 1) == '-'
            && text.charAt(FLAGS - 1) == '-';
    if (!fields || !version(text)) {
      return null;
    }
    boolean zero = zeros(text, TRACE_ID, PARENT_ID - 1) || zeros(text, PARENT_ID, FLAGS - 1);
    boolean sampled = (Character.digit(text.charAt(LENGTH - 1), 16) & 1) == 1;
    return zero
        ? null
        : new Traceparent(
            text.substring(TRACE_ID, PARENT_ID - 1), text.substring(PARENT_ID, FLAGS - 1), sampled);
  }

  /** 00 ends after the flags, ff is none, of others a dash may follow and anything after it. */
  private static boolean version(String text) {
    if (text.startsWith("ff")) {
      return false;
    }
    return text.length() == LENGTH || (!text.startsWith("00") && text.charAt(LENGTH) == '-');
  }

  private static boolean hex(String text, int from, int until) {
    for (int i = from; i < until; i++) {
      char c = text.charAt(i);
      if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) {
        return false;
      }
    }
    return true;
  }

  private static boolean zeros(String text, int from, int until) {
    for (int i = from; i < until; i++) {
      if (text.charAt(i) != '0') {
        return false;
      }
    }
    return true;
  }

  @Override
  public String traceparent() {
    return header(traceId, parentId, sampled);
  }

  static String header(String traceId, String spanId, boolean sampled) {
    return "00-" + traceId + "-" + spanId + (sampled ? "-01" : "-00");
  }

  @Override
  public boolean wanted() {
    return true;
  }
}
