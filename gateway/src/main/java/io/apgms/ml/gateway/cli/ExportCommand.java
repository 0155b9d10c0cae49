package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URLEncoder;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "export",
    description = {
      "Write the labels of a window, each with the features and score of its decision, into a file",
      "with a manifest beside it: window, rows, bytes and SHA-256. `snapshot --labels MANIFEST` takes",
      "it as its source. The file holds what labels and decisions say of people: readable by its",
      "owner alone, and to be removed when it has been used."
    },
    footer = {
      "",
      "Examples:",
      "  bin/ml-service feedback export --out exports/            (the day that ended last, UTC)",
      "  bin/ml-service feedback export --days 7 --model risk-score --format csv --out exports/"
    })
final class ExportCommand implements Callable<Integer> {
  /** As the route has them. */
  enum Format {
    ndjson,
    csv
  }

  private static final ObjectMapper JSON = new ObjectMapper();

  @Mixin private final ApiClient api = new ApiClient();

  @Option(names = "--out", required = true, description = "folder of exports")
  private Path out = Path.of("");

  @Option(
      names = "--days",
      description = "labels recorded in so many days before --until (default: ${DEFAULT-VALUE})")
  private int days = 1;

  @Option(names = "--until", description = "RFC 3339 time (default: the last midnight, UTC)")
  private @Nullable String until;

  @Option(names = "--model", description = "only this model's (csv needs one)")
  private @Nullable String model;

  @Option(names = "--format", description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE})")
  private Format format = Format.ndjson;

  @Option(names = "--json", description = "print the manifest")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    if (days < 1 || days > 3_660) {
      throw new Failure(Failure.USAGE, "--days is " + days + ", expected from 1 to 3660");
    }
    Instant to = end();
    Instant from = to.minus(days, ChronoUnit.DAYS);
    String query =
        "?from="
            + from
            + "&to="
            + to
            + "&format="
            + format
            + (model == null ? "" : "&modelId=")
            + (model == null ? "" : URLEncoder.encode(model, StandardCharsets.UTF_8));
    HttpResponse<InputStream> answer =
        api.call(
            "GET",
            "/ml/feedback/export" + query,
            "application/json",
            BodyPublishers.noBody(),
            BodyHandlers.ofInputStream());
    if (answer.statusCode() != 200) {
      AdminClient.answer(
          answer.statusCode(),
          new String(answer.body().readNBytes(65_536), StandardCharsets.UTF_8));
    }
    Files.createDirectories(
        out, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    String name =
        "labels_"
            + (model == null ? "all" : model)
            + "_"
            + stamp(from)
            + "_"
            + stamp(to)
            + "."
            + format;
    ObjectNode manifest = write(answer, name);
    Files.writeString(
        out.resolve(name + ".manifest.json"), manifest.toPrettyString() + System.lineSeparator());
    api.out()
        .println(
            json
                ? manifest.toString()
                : manifest.path("rows")
                    + " labels in "
                    + out.resolve(name)
                    + ", export "
                    + manifest.path("exportId").asText());
    return 0;
  }

  private Instant end() {
    try {
      return until == null
          ? Instant.now().atZone(ZoneOffset.UTC).truncatedTo(ChronoUnit.DAYS).toInstant()
          : Instant.parse(until).truncatedTo(ChronoUnit.MILLIS);
    } catch (DateTimeParseException e) {
      throw new Failure(
          Failure.USAGE, "--until is '" + until + "', expected a time as 2026-11-24T00:00:00Z");
    }
  }

  private static String stamp(Instant at) {
    return at.toString().replaceAll("[-:]", "");
  }

  /** Into a draft that gets its name when all of it has come. */
  private ObjectNode write(HttpResponse<InputStream> answer, String name) throws IOException {
    Path draft = out.resolve("." + name + ".draft");
    Files.deleteIfExists(draft);
    Files.createFile(
        draft, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    MessageDigest sha = sha256();
    RowCount rows = new RowCount(format == Format.csv);
    long bytes = 0;
    try (InputStream in = answer.body();
        OutputStream to = Files.newOutputStream(draft)) {
      byte[] buffer = new byte[1 << 18];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        to.write(buffer, 0, n);
        sha.update(buffer, 0, n);
        rows.take(buffer, n);
        bytes += n;
      }
    } catch (IOException e) {
      Files.deleteIfExists(draft);
      throw new Failure(Failure.UNAVAILABLE, "the export broke off after " + bytes + " bytes");
    }
    Files.move(draft, out.resolve(name), StandardCopyOption.ATOMIC_MOVE);
    return JSON.createObjectNode()
        .put("file", name)
        .put("format", format.name())
        .put("exportId", answer.headers().firstValue("X-Export-Id").orElse(""))
        .put("from", answer.headers().firstValue("X-Window-From").orElse(""))
        .put("to", answer.headers().firstValue("X-Window-To").orElse(""))
        .put("modelId", model)
        .put("rows", rows.rows())
        .put("bytes", bytes)
        .put("sha256", HexFormat.of().formatHex(sha.digest()));
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /** Rows of NDJSON, or of CSV, whose cells may hold line ends and whose head is none. */
  private static final class RowCount {
    private final boolean csv;
    private boolean quoted;
    private long lines;

    RowCount(boolean csv) {
      this.csv = csv;
    }

    void take(byte[] bytes, int n) {
      for (int i = 0; i < n; i++) {
        if (csv && bytes[i] == '"') {
          quoted = !quoted;
        } else if (bytes[i] == '\n' && !quoted) {
          lines++;
        }
      }
    }

    long rows() {
      return csv ? lines - 1 : lines;
    }
  }
}
