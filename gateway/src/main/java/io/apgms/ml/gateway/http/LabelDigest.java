package io.apgms.ml.gateway.http;

import io.apgms.ml.feedback.LabelExport;
import io.apgms.ml.feedback.LabelFiles;
import io.apgms.ml.scoring.ScoringRuntime;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * The SHA-256 of the file that an export of a window would be, in NDJSON, without the file: memory
 * holds a chunk. A worker reads, a chunk at a time.
 */
public final class LabelDigest {
  private static final int CHUNK_CHARS = 256 << 10;

  private final Vertx vertx;
  private final LabelFiles files;
  private final ScoringRuntime runtime;

  public LabelDigest(Vertx vertx, LabelFiles files, ScoringRuntime runtime) {
    this.vertx = vertx;
    this.files = files;
    this.runtime = runtime;
  }

  /**
   * What an export would be.
   *
   * @param rows labels
   * @param sha256 64 hex digits
   */
  public record Digest(long rows, String sha256) {}

  /** Reads the labels of a window; Unavailable where the database is away, or busy with exports. */
  public Future<Digest> of(LabelExport.Window window) {
    return files
        .read(window)
        .compose(
            export -> {
              Reading reading = new Reading(export);
              return reading.run().onComplete(done -> files.close(export)).map(v -> reading.end());
            });
  }

  /** One reading; one worker at a time. */
  private final class Reading {
    private final LabelExport export;
    private final LabelRows rows = new LabelRows.Ndjson(runtime);
    private final MessageDigest sha = sha256();
    private long count;

    Reading(LabelExport export) {
      this.export = export;
      sha.update(rows.head().getBytes(StandardCharsets.UTF_8));
    }

    Future<Void> run() {
      Promise<Void> done = Promise.promise();
      next(done);
      return done.future();
    }

    /** A loop over a promise: a compose per chunk would nest as deep as the window is long. */
    private void next(Promise<Void> done) {
      vertx
          .executeBlocking(this::chunk, false)
          .onFailure(done::fail)
          .onSuccess(
              more -> {
                if (more) {
                  next(done);
                } else {
                  done.complete();
                }
              });
    }

    private boolean chunk() {
      StringBuilder text = new StringBuilder(CHUNK_CHARS + (16 << 10));
      boolean more =
          export.read(
              row -> {
                rows.append(text, row);
                count++;
                return text.length() >= CHUNK_CHARS;
              });
      sha.update(text.toString().getBytes(StandardCharsets.UTF_8));
      return more;
    }

    Digest end() {
      return new Digest(count, HexFormat.of().formatHex(sha.digest()));
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
