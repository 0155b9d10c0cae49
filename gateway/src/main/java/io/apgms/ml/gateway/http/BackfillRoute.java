package io.apgms.ml.gateway.http;

import io.apgms.ml.feedback.LabelFiles;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.ext.web.RoutingContext;
import java.time.Instant;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * {@code POST /ml/feedback/backfill}: a file of labels of any length. The request is read only as
 * fast as its lines are committed: memory holds two chunks and a batch.
 */
final class BackfillRoute {
  private static final int CHUNK_BYTES = 256 << 10;
  private static final long MAX_LINES = 1_000_000_000_000L;

  private final LabelFiles files;
  private final int maxLineBytes;

  BackfillRoute(LabelFiles files, int maxLineBytes) {
    this.files = files;
    this.maxLineBytes = maxLineBytes;
  }

  void handle(RoutingContext rc) {
    requireNdjson(rc);
    Params params = new Params(rc, Set.of("after"));
    long before = params.number("after", 0, 0, MAX_LINES);
    params.check();
    String subject = Guard.caller(rc).subject();
    Upload upload = new Upload(rc, before);
    files
        .backfill(subject)
        .onFailure(upload::fail)
        .onSuccess(
            opened ->
                upload.start(
                    new LabelLines(subject, before, maxLineBytes, Instant::now, opened::write),
                    () -> files.close(opened)));
  }

  private static void requireNdjson(RoutingContext rc) {
    String type = rc.request().getHeader(HttpHeaders.CONTENT_TYPE);
    String bare = type == null ? "" : type.replaceFirst(";.*", "").strip();
    if (!bare.equalsIgnoreCase("application/x-ndjson") && !bare.equalsIgnoreCase("text/plain")) {
      throw Problem.of(
          415,
          "media type "
              + FieldError.quote(bare)
              + ", expected application/x-ndjson or text/plain in UTF-8");
    }
    Bodies.requireIdentity(rc);
  }

  /** One request; every method runs on its event loop. */
  private static final class Upload {
    private final RoutingContext rc;
    private final long before;
    private @Nullable LabelLines lines;
    private @Nullable Runnable close;
    private Buffer waiting = Buffer.buffer();
    private boolean working;
    private boolean ended;
    private boolean over;

    /** Also while the database is waited for, a client may go. */
    Upload(RoutingContext rc, long before) {
      this.rc = rc;
      this.before = before;
      rc.request().pause();
      rc.request().exceptionHandler(e -> release());
      rc.addEndHandler(done -> release());
    }

    void start(LabelLines file, Runnable close) {
      this.lines = file;
      this.close = close;
      if (over) {
        release();
        return;
      }
      rc.request().endHandler(v -> end());
      rc.request().handler(this::take);
      rc.request().resume();
    }

    /** Gives the connection back, once, and not while a worker is at it. */
    private void release() {
      over = true;
      Runnable open = close;
      if (!working && open != null) {
        close = null;
        open.run();
      }
    }

    private void take(Buffer bytes) {
      if (over) {
        return;
      }
      waiting.appendBuffer(bytes);
      if (waiting.length() >= CHUNK_BYTES) {
        rc.request().pause();
        work();
      }
    }

    private void end() {
      ended = true;
      work();
    }

    private void work() {
      LabelLines file = lines;
      if (working || over || file == null) {
        return;
      }
      working = true;
      byte[] chunk = waiting.getBytes();
      waiting = Buffer.buffer();
      boolean last = ended;
      rc.vertx()
          .executeBlocking(
              () -> {
                file.take(chunk);
                if (last) {
                  file.finish();
                }
                return last;
              },
              false)
          .onComplete(
              done -> {
                working = false;
                if (over) {
                  release();
                } else if (done.succeeded()) {
                  worked(done.result());
                } else {
                  fail(done.cause());
                }
              });
    }

    private void worked(boolean last) {
      if (last && lines != null) {
        Answers.send(rc, 200, lines.json());
        release();
      } else if (ended) {
        work();
      } else {
        rc.request().resume();
      }
    }

    /** Says how far the file got; the rest of it is not read. */
    void fail(Throwable failure) {
      release();
      Problem problem = ErrorTable.of(failure);
      long line = lines == null ? before : lines.committedLine();
      Problem told =
          problem.status() == 503
              ? Problem.busy(
                  503, "the labels cannot be written now; go on after line " + line + " (?after=)")
              : problem;
      rc.response().putHeader(HttpHeaders.CONNECTION, "close");
      rc.fail(told);
      rc.request().resume();
    }
  }
}
