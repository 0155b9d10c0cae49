package io.apgms.ml.scoring.pool;

import io.apgms.ml.scoring.ExplainResult;
import io.apgms.ml.scoring.Explanation;
import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.apgms.ml.scoring.ScoringException;
import io.vertx.core.buffer.Buffer;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * The messages between edges and scoring processes as bytes, big endian: one byte of format, one of
 * kind, then the fields in the order of the records; texts are UTF-8 behind two bytes of length. A
 * message is exactly as long as its fields, and within the bounds below before anything is
 * allocated for it. Whatever is not is {@link ScoringException.Malformed}.
 */
final class Wire {
  static final byte FORMAT = 1;
  static final int MAX_ROWS = 4_096;
  static final int MAX_WIDTH = 1_024;
  static final int MAX_TEXT_BYTES = 256;
  static final int MAX_VERSIONS = 256;

  private static final byte ASK = 1;
  private static final byte ANSWER = 2;
  private static final byte ANNOUNCEMENT = 3;
  private static final byte EXPLAIN = 4;
  private static final byte EXPLAINED = 5;

  /** In the order of their codes on the wire. */
  private static final List<Outcome> OUTCOMES =
      List.of(
          Outcome.SCORED,
          Outcome.EXPIRED,
          Outcome.OVERLOADED,
          Outcome.NO_MODEL,
          Outcome.NO_VERSION,
          Outcome.REVOKED,
          Outcome.INVALID_OUTPUT,
          Outcome.FAILED);

  /** So that one announcement is always the same bytes. */
  private static final Comparator<VersionKey> ORDER =
      Comparator.comparing(VersionKey::modelId)
          .thenComparing(VersionKey::version)
          .thenComparing(VersionKey::digest);

  private Wire() {}

  static Buffer encode(Ask ask, long nowNanos) {
    WireWriter out = new WireWriter(FORMAT, ASK, 256 + 4 * ask.rows().length);
    out.id(ask.id()).text(ask.replyTo());
    key(out, ask.version());
    out.flag(ask.batch()).count(ask.width()).count(ask.count());
    for (float value : ask.rows()) {
      out.real(value);
    }
    for (long deadline : ask.deadlinesNanos()) {
      out.whole(leftMicros(deadline, nowNanos));
    }
    return out.done();
  }

  static Ask decodeAsk(Buffer bytes, long nowNanos) {
    WireReader in = new WireReader(bytes, FORMAT, ASK);
    long id = in.id();
    String replyTo = in.text(MAX_TEXT_BYTES);
    VersionKey version = key(in);
    boolean batch = in.flag();
    int width = in.count("width", 1, MAX_WIDTH);
    int count = in.count("rows", 1, MAX_ROWS);
    float[] rows = in.reals(width * count);
    int[] left = in.wholes(batch ? 1 : count);
    in.end();
    long[] deadlines = new long[left.length];
    for (int i = 0; i < left.length; i++) {
      deadlines[i] = nowNanos + TimeUnit.MICROSECONDS.toNanos(left[i]);
    }
    return new Ask(id, replyTo, version, batch, width, rows, deadlines);
  }

  static int leftMicros(long deadlineNanos, long nowNanos) {
    long left = TimeUnit.NANOSECONDS.toMicros(deadlineNanos - nowNanos);
    return (int) Math.max(Integer.MIN_VALUE, Math.min(Integer.MAX_VALUE, left));
  }

  static Buffer encode(Answer answer) {
    WireWriter out = new WireWriter(FORMAT, ANSWER, 256 + 9 * answer.outcomes().length);
    out.id(answer.id()).text(answer.from());
    key(out, answer.version());
    out.count(answer.outcomes().length);
    for (Outcome outcome : answer.outcomes()) {
      out.small(OUTCOMES.indexOf(outcome));
    }
    out.count(answer.scores().length);
    for (double score : answer.scores()) {
      out.score(score);
    }
    return out.done();
  }

  static Answer decodeAnswer(Buffer bytes) {
    WireReader in = new WireReader(bytes, FORMAT, ANSWER);
    long id = in.id();
    String from = in.text(MAX_TEXT_BYTES);
    VersionKey version = key(in);
    Outcome[] outcomes = new Outcome[in.count("outcomes", 1, MAX_ROWS)];
    for (int i = 0; i < outcomes.length; i++) {
      outcomes[i] = outcome(in);
    }
    double[] scores = in.scores(in.count("scores", 0, MAX_ROWS));
    in.end();
    return new Answer(id, from, version, outcomes, scores);
  }

  static Buffer encode(Announcement announcement) {
    WireWriter out = new WireWriter(FORMAT, ANNOUNCEMENT, 512);
    out.text(announcement.node()).text(announcement.address()).count(announcement.windowRows());
    out.count(announcement.versions().size());
    announcement.versions().stream().sorted(ORDER).forEach(v -> key(out, v));
    return out.done();
  }

  static Announcement decodeAnnouncement(Buffer bytes) {
    WireReader in = new WireReader(bytes, FORMAT, ANNOUNCEMENT);
    String node = in.text(MAX_TEXT_BYTES);
    String address = in.text(MAX_TEXT_BYTES);
    int window = in.count("window", 1, Integer.MAX_VALUE);
    int count = in.count("versions", 0, MAX_VERSIONS);
    Set<VersionKey> versions = new HashSet<>();
    for (int i = 0; i < count; i++) {
      versions.add(key(in));
    }
    in.end();
    return new Announcement(node, address, window, versions);
  }

  /** A decision to be explained by the version that made it. */
  @SuppressWarnings("ArrayRecordComponent") // read by one side at a time; never compared
  record Explain(VersionKey version, float[] row, double score, int leftMicros) {}

  static Buffer encode(Explain explain) {
    WireWriter out = new WireWriter(FORMAT, EXPLAIN, 256 + 4 * explain.row().length);
    key(out, explain.version());
    out.count(explain.row().length);
    for (float value : explain.row()) {
      out.real(value);
    }
    return out.score(explain.score()).whole(explain.leftMicros()).done();
  }

  static Explain decodeExplain(Buffer bytes) {
    WireReader in = new WireReader(bytes, FORMAT, EXPLAIN);
    VersionKey version = key(in);
    float[] row = in.reals(in.count("width", 1, MAX_WIDTH));
    double score = in.scores(1)[0];
    int left = in.wholes(1)[0];
    in.end();
    return new Explain(version, row, score, left);
  }

  static Buffer encode(ExplainResult result) {
    Explanation e = result.explanation();
    int features = e == null ? 0 : e.contributions().length;
    WireWriter out = new WireWriter(FORMAT, EXPLAINED, 64 + 4 * features);
    out.small(OUTCOMES.indexOf(result.outcome())).count(features);
    if (e != null) {
      for (float value : e.contributions()) {
        out.real(value);
      }
      out.score(e.baseline()).score(e.standardError()).whole(e.rowsScored());
    }
    return out.done();
  }

  static ExplainResult decodeExplained(Buffer bytes) {
    WireReader in = new WireReader(bytes, FORMAT, EXPLAINED);
    Outcome outcome = outcome(in);
    int features = in.count("features", 0, MAX_WIDTH);
    if ((outcome == Outcome.SCORED) != (features > 0)) {
      throw in.malformed(features + " contributions", "some exactly where it was explained");
    }
    Explanation explanation = null;
    if (features > 0) {
      float[] contributions = in.reals(features);
      double[] figures = in.scores(2);
      explanation = new Explanation(contributions, figures[0], figures[1], in.wholes(1)[0]);
    }
    in.end();
    return new ExplainResult(outcome, explanation);
  }

  private static Outcome outcome(WireReader in) {
    int code = in.small();
    if (code >= OUTCOMES.size()) {
      throw in.malformed("outcome " + code, "one below " + OUTCOMES.size());
    }
    return OUTCOMES.get(code);
  }

  private static void key(WireWriter out, VersionKey key) {
    out.text(key.modelId()).text(key.version()).text(key.digest());
  }

  private static VersionKey key(WireReader in) {
    return new VersionKey(
        in.text(MAX_TEXT_BYTES), in.text(MAX_TEXT_BYTES), in.text(MAX_TEXT_BYTES));
  }
}
