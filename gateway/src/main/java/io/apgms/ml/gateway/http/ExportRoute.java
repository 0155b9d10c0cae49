package io.apgms.ml.gateway.http;

import io.apgms.ml.feedback.LabelExport;
import io.apgms.ml.feedback.LabelFiles;
import io.apgms.ml.scoring.ScoringRuntime;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code GET /ml/feedback/export}: labels with the decisions they are on. Rows are read only as
 * fast as the client takes them: memory holds two chunks.
 */
final class ExportRoute {
  private static final Logger LOG = LoggerFactory.getLogger(ExportRoute.class);
  private static final int CHUNK_CHARS = 256 << 10;
  private static final Duration PRESET = Duration.ofDays(1);

  /** The two formats. */
  enum Format {
    ndjson("application/x-ndjson"),
    csv("text/csv; charset=utf-8; header=present");

    private final String mediaType;

    Format(String mediaType) {
      this.mediaType = mediaType;
    }
  }

  private final LabelFiles files;
  private final ScoringRuntime runtime;

  ExportRoute(LabelFiles files, ScoringRuntime runtime) {
    this.files = files;
    this.runtime = runtime;
  }

  void handle(RoutingContext rc) {
    Params params = new Params(rc, Set.of("from", "to", "modelId", "format"));
    Instant to = orElse(params.time("to"), Instant.now());
    Instant from = orElse(params.time("from"), to.minus(PRESET));
    String modelId = params.text("modelId");
    Format asked = params.word("format", Format.class);
    params.check();
    Format format = asked == null ? Format.ndjson : asked;
    LabelExport.Window window = new LabelExport.Window(from, to, modelId);
    LabelRows rows = rows(format, modelId);
    UUID id = UUID.randomUUID();
    Download download = new Download(rc, rows);
    rc.response()
        .putHeader("X-Export-Id", id.toString())
        .putHeader("X-Window-From", from.toString())
        .putHeader("X-Window-To", to.toString());
    files
        .export(new LabelFiles.Asked(id, Guard.caller(rc).subject(), format.name(), window))
        .onFailure(download::fail)
        .onSuccess(
            opened -> {
              rc.response().putHeader(HttpHeaders.CONTENT_TYPE, format.mediaType).setChunked(true);
              download.start(opened, () -> files.close(opened));
            });
  }

  private static Instant orElse(@Nullable Instant sent, Instant preset) {
    return (sent == null ? preset : sent).truncatedTo(ChronoUnit.MILLIS);
  }

  private LabelRows rows(Format format, @Nullable String modelId) {
    if (format == Format.ndjson) {
      return new LabelRows.Ndjson(runtime);
    }
    if (modelId == null) {
      throw Problem.field(
          422, "modelId", "missing, expected one model: CSV has a column for each feature");
    }
    return new LabelRows.Csv(LabelRows.names(runtime, modelId, ""));
  }

  /** One answer; every method runs on its event loop. */
  private static final class Download {
    private final RoutingContext rc;
    private final LabelRows rows;
    private @Nullable LabelExport export;
    private @Nullable Runnable close;
    private boolean working;
    private boolean over;

    /** Also while the database is waited for, a client may go. */
    Download(RoutingContext rc, LabelRows rows) {
      this.rc = rc;
      this.rows = rows;
      rc.addEndHandler(done -> release());
      rc.response().closeHandler(v -> release());
    }

    void start(LabelExport opened, Runnable close) {
      this.export = opened;
      this.close = close;
      if (over) {
        release();
      } else {
        read(rows.head());
      }
    }

    private void release() {
      over = true;
      Runnable open = close;
      if (!working && open != null) {
        close = null;
        open.run();
      }
    }

    private record Chunk(Buffer text, boolean last) {}

    private void read(String before) {
      LabelExport from = export;
      if (from == null || working) {
        return;
      }
      working = true;
      rc.vertx()
          .executeBlocking(() -> chunk(from, before), false)
          .onComplete(
              done -> {
                working = false;
                if (over) {
                  release();
                } else if (done.succeeded()) {
                  write(done.result());
                } else {
                  fail(done.cause());
                }
              });
    }

    private Chunk chunk(LabelExport from, String before) {
      StringBuilder text = new StringBuilder(CHUNK_CHARS + (16 << 10)).append(before);
      boolean more =
          from.read(
              row -> {
                rows.append(text, row);
                return text.length() >= CHUNK_CHARS;
              });
      return new Chunk(Buffer.buffer(text.toString()), !more);
    }

    private void write(Chunk chunk) {
      HttpServerResponse response = rc.response();
      if (chunk.last()) {
        if (!response.headWritten()) {
          response.setChunked(false); // a short answer says its length
        }
        var unused = response.end(chunk.text());
        release();
        return;
      }
      var unused = response.write(chunk.text());
      if (response.writeQueueFull()) {
        response.drainHandler(v -> read(""));
      } else {
        read("");
      }
    }

    /** What was begun cannot become a refusal: it is cut, so that nobody takes it for whole. */
    void fail(Throwable failure) {
      boolean begun = rc.response().headWritten();
      release();
      if (begun) {
        LOG.warn("an export was cut off: {}", failure.getMessage());
        var unused = rc.response().reset();
      } else {
        rc.response().setChunked(false);
        rc.fail(failure);
      }
    }
  }
}
