package io.apgms.ml.gateway.incident;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Series of a Prometheus, by its HTTP API. Blocking; each question is bounded in time, points and
 * bytes.
 */
public final class PrometheusReader {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration BOUND = Duration.ofSeconds(10);
  private static final int MOST_BYTES = 32 << 20;
  private static final int MOST_TRACKS = 2_000;
  private static final Duration SCRAPE = Duration.ofSeconds(15); // where it cannot be seen

  private static final Set<Series> WHOLE =
      EnumSet.of(
          Series.REQUESTS, Series.EVERYONES, Series.BUCKETS, Series.REJECTED, Series.DECISIONS);

  private final String url;
  private final Duration bound;
  private final HttpClient client =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

  public PrometheusReader(String url) {
    this(url, BOUND);
  }

  /**
   * @param bound of each question
   */
  public PrometheusReader(String url, Duration bound) {
    this.url = url.replaceAll("/+$", "");
    this.bound = bound;
  }

  /** The alerts that are pending or fire now, as {@code GET /api/v1/alerts} has them. */
  public JsonNode alerts() throws IOException {
    return get("/api/v1/alerts").at("/data/alerts");
  }

  /** Series of a model over a grid. */
  public Reading read(String model, Set<Series> wanted, Grid grid) throws IOException {
    Map<Series, List<Track>> tracks = new EnumMap<>(Series.class);
    for (Series series : wanted) {
      String ask =
          "/api/v1/query_range?timeout=5s&query="
              + encoded(series.query(model, grid.window()))
              + "&start="
              + seconds(grid.from())
              + "&end="
              + seconds(grid.to())
              + "&step="
              + String.format(Locale.ROOT, "%.3f", grid.step().toMillis() / 1e3);
      tracks.put(series, tracks(ask));
    }
    return new Reading(grid, tracks);
  }

  /** The figures of a whole time, in one step. */
  public Reading whole(String model, Instant from, Instant to) throws IOException {
    return read(model, WHOLE, Grid.whole(from, to));
  }

  /** Samples as they were scraped, in the time before another. */
  List<Track> scraped(String selector, Duration back, Instant until) throws IOException {
    String query = selector + "[" + back.toMillis() + "ms]";
    return tracks("/api/v1/query?timeout=5s&query=" + encoded(query) + "&time=" + seconds(until));
  }

  /** The time between two scrapes, as seen in the five minutes before. */
  public Duration scrape(Instant at) throws IOException {
    long least = Long.MAX_VALUE;
    for (Track track : scraped("up{job=\"ml-service\"}", Duration.ofMinutes(5), at)) {
      if (track.points().size() > 1) {
        long all = Duration.between(track.points().firstKey(), track.points().lastKey()).toMillis();
        least = Math.min(least, all / (track.points().size() - 1));
      }
    }
    return least == Long.MAX_VALUE ? SCRAPE : Duration.ofMillis(Math.max(100, least));
  }

  /** Looks at the scrapes themselves; drift is known to the step. */
  public Triage.Onset onset(String model, Grid grid, Bounds bounds) {
    return (symptom, crossing) -> {
      if (symptom == Symptom.DRIFT) {
        return crossing;
      }
      String metric =
          symptom == Symptom.ERRORS
              ? "apgms_ml_inference_requests_total"
              : "apgms_ml_inference_duration_seconds_bucket";
      Duration back = grid.window().plus(grid.step());
      return Onsets.of(
          symptom, scraped(metric + "{model=\"" + model + "\"}", back, crossing), bounds, crossing);
    };
  }

  private List<Track> tracks(String ask) throws IOException {
    JsonNode answer = get(ask);
    JsonNode results = answer.at("/data/result");
    if (results.size() > MOST_TRACKS) {
      throw new IOException(
          "Prometheus gives " + results.size() + " series, expected at most " + MOST_TRACKS);
    }
    List<Track> tracks = new ArrayList<>();
    for (JsonNode result : results) {
      Map<String, String> labels = new TreeMap<>();
      result
          .path("metric")
          .properties()
          .forEach(label -> labels.put(label.getKey(), label.getValue().asText()));
      labels.remove("__name__");
      NavigableMap<Instant, Double> points = new TreeMap<>();
      for (JsonNode point : result.path("values")) {
        points.put(
            Instant.ofEpochMilli(Math.round(point.path(0).asDouble() * 1e3)),
            Sample.number(point.path(1).asText()));
      }
      tracks.add(new Track(labels, points));
    }
    return tracks;
  }

  private JsonNode get(String path) throws IOException {
    HttpRequest request = HttpRequest.newBuilder(URI.create(url + path)).timeout(bound).build();
    CompletableFuture<JsonNode> answer =
        client
            .sendAsync(request, BodyHandlers.ofInputStream())
            .thenApplyAsync(PrometheusReader::read);
    try {
      return answer.get(bound.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } catch (TimeoutException e) {
      throw new IOException("Prometheus does not answer within " + bound, e);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      String why = cause.getMessage();
      throw new IOException(why == null ? "nothing answers at " + url : why, cause);
    }
  }

  private static JsonNode read(HttpResponse<InputStream> answer) {
    try (InputStream in = answer.body()) {
      byte[] bytes = in.readNBytes(MOST_BYTES + 1);
      if (bytes.length > MOST_BYTES) {
        throw new IOException("Prometheus answers more than 32 MiB, expected less");
      }
      JsonNode body = JSON.readTree(bytes);
      if (answer.statusCode() != 200 || !body.path("status").asText().equals("success")) {
        throw new IOException(
            "Prometheus answers "
                + answer.statusCode()
                + ", expected 200: "
                + body.path("error").asText("no reason"));
      }
      return body;
    } catch (IOException e) {
      throw new UncheckedIOException(e.getMessage(), e);
    }
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  private static String seconds(Instant at) {
    return String.format(Locale.ROOT, "%.3f", at.toEpochMilli() / 1e3);
  }
}
