package io.apgms.ml.gateway.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.feedback.Backfill;
import io.apgms.ml.feedback.NewLabel;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A file of labels on its way into the database: lines are read, judged and written in batches, and
 * counted. Blocking and confined to one thread at a time; holds a batch at most.
 *
 * <p>A line's key is its own {@code idempotencyKey}, else a hash of what it says, so that the same
 * line again is the same label, however it is spelt and in whichever file.
 */
final class LabelLines {
  private static final int MAX_TOLD = 1_000;
  private static final int MAX_REASON = 500;
  private static final int MAX_KEY = 255;

  private final String subject;
  private final Supplier<Instant> clock;
  private final Function<List<Backfill.Line>, Backfill.Outcome> write;
  private final LineSplitter splitter;
  private final List<Backfill.Line> batch = new ArrayList<>();
  private final List<Backfill.Rejected> told = new ArrayList<>();
  private long recorded;
  private long repeated;
  private long rejected;
  private long committedLine;

  /**
   * @param before lines of the file that were sent before
   * @param write commits a batch, or throws and has committed none of it
   */
  LabelLines(
      String subject,
      long before,
      int maxLineBytes,
      Supplier<Instant> clock,
      Function<List<Backfill.Line>, Backfill.Outcome> write) {
    this.subject = subject;
    this.clock = clock;
    this.write = write;
    this.committedLine = before;
    this.splitter =
        new LineSplitter(
            maxLineBytes,
            before,
            new LineSplitter.Lines() {
              @Override
              public void line(long number, byte[] bytes) {
                LabelLines.this.line(number, bytes);
              }

              @Override
              public void tooLong(long number) {
                reject(number, "more bytes than expected: at most " + maxLineBytes + " a line");
              }
            });
  }

  /** Takes the next bytes of the file; full batches are committed before it returns. */
  void take(byte[] bytes) {
    splitter.take(bytes);
  }

  /** Takes the end of the file: whatever was not committed yet is. */
  void finish() {
    splitter.finish();
    flush();
    committedLine = splitter.number();
  }

  private void line(long number, byte[] bytes) {
    if (new String(bytes, StandardCharsets.ISO_8859_1).isBlank()) {
      return;
    }
    try {
      batch.add(read(number, bytes));
    } catch (Problem e) {
      reject(number, reason(e));
    }
    if (batch.size() == Backfill.MAX_LINES) {
      flush();
      committedLine = number;
    }
  }

  private Backfill.Line read(long number, byte[] bytes) {
    Fields fields = new Fields(StrictJson.object(bytes));
    String key = fields.optional("idempotencyKey", MAX_KEY);
    NewLabel label = LabelFields.read(fields, subject, clock.get());
    byte[] hash = hash(label, fields.has("observedAt"));
    return new Backfill.Line(
        number, label, key == null ? "sha256:" + HexFormat.of().formatHex(hash) : key, hash);
  }

  /** SHA-256 over the fields, each behind its length; the time only where the line has one. */
  private static byte[] hash(NewLabel l, boolean observed) {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      for (@Nullable String field :
          new @Nullable String[] {
            l.predictionId().toString(),
            l.modelId(),
            l.modelVersion(),
            l.label().name(),
            l.source().name(),
            l.submittedBy(),
            l.notes(),
            l.metadataJson(),
            observed ? l.observedAt().toString() : null
          }) {
        byte[] utf8 = field == null ? new byte[0] : field.getBytes(StandardCharsets.UTF_8);
        sha.update(ByteBuffer.allocate(4).putInt(field == null ? -1 : utf8.length).array());
        sha.update(utf8);
      }
      return sha.digest();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private static String reason(Problem problem) {
    String out =
        problem.errors().isEmpty()
            ? problem.detail()
            : problem.errors().stream()
                .map(e -> (e.pointer().isEmpty() ? "" : e.pointer() + ": ") + e.detail())
                .collect(Collectors.joining("; "));
    return out.length() > MAX_REASON ? out.substring(0, MAX_REASON) + "…" : out;
  }

  private void flush() {
    if (batch.isEmpty()) {
      return;
    }
    Backfill.Outcome outcome = write.apply(batch);
    recorded += outcome.recorded();
    repeated += outcome.repeated();
    outcome.rejected().forEach(r -> reject(r.number(), r.reason()));
    batch.clear();
  }

  private void reject(long number, String reason) {
    rejected++;
    if (told.size() < MAX_TOLD) {
      told.add(new Backfill.Rejected(number, reason));
    }
  }

  /** Every line up to this one is committed or rejected. */
  long committedLine() {
    return committedLine;
  }

  /** Counts of all lines; the first thousand that were rejected, each with its reason. */
  ObjectNode json() {
    ObjectNode out =
        Answers.object()
            .put("lines", splitter.number())
            .put("committedLine", committedLine)
            .put("recorded", recorded)
            .put("repeated", repeated)
            .put("rejected", rejected);
    ArrayNode list = out.putArray("rejections");
    told.sort(java.util.Comparator.comparingLong(Backfill.Rejected::number));
    told.forEach(r -> list.addObject().put("line", r.number()).put("reason", r.reason()));
    return out.put("rejectionsLeftOut", rejected - told.size());
  }
}
