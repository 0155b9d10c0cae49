package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.apgms.ml.gateway.incident.AuditLine;
import io.apgms.ml.gateway.incident.Bounds;
import io.apgms.ml.gateway.incident.Deployed;
import io.apgms.ml.gateway.incident.Holds;
import io.apgms.ml.gateway.incident.LabelCounts;
import io.apgms.ml.gateway.incident.PrometheusReader;
import io.apgms.ml.gateway.incident.ToldAlert;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.Names;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * What the incident commands read of a service. What cannot be read is noted and left out: in an
 * incident half an answer is better than none.
 */
final class IncidentReads {
  private static final int PAGE = 500;
  private static final int MOST_PAGES = 20;
  private static final long RULE_MS = 750;
  private static final double RULE_AVAILABILITY = 0.999;

  @Mixin private final AdminClient admin = new AdminClient();

  @Option(names = "--model", required = true, description = "model id")
  private String model = "";

  @Option(
      names = "--api-url",
      defaultValue = "${env:ML_API_URL:-http://127.0.0.1:8080}",
      description = "API address of the service (default ${DEFAULT-VALUE})")
  private String apiUrl = "";

  @Option(
      names = "--prometheus",
      description = "its address (default ML_PROMETHEUS_URL or prometheus.url)")
  private @Nullable String prometheus;

  private final List<String> unknown = new ArrayList<>();

  AdminClient admin() {
    return admin;
  }

  /** The model asked for. */
  String model() {
    if (!Names.isModel(model)) {
      throw new Failure(
          Failure.USAGE, "--model '" + model + "', expected 1 to 64 of a-z, 0-9 and '-'");
    }
    return model;
  }

  /** What could not be known so far, and why. */
  List<String> unknown() {
    return List.copyOf(unknown);
  }

  void unknown(String what) {
    unknown.add(what);
  }

  /** Null where none is named. */
  @Nullable PrometheusReader prometheus() {
    String url =
        prometheus != null
            ? prometheus
            : Settings.read(MlService.home(), System.getenv()).prometheus().url();
    if (url.isEmpty()) {
      return null;
    }
    if (!url.matches("https?://[^?#]+")) {
      throw new Failure(Failure.USAGE, "--prometheus '" + url + "', expected an http or https URL");
    }
    return new PrometheusReader(url);
  }

  JsonNode deployments() {
    return admin.call("GET", "/admin/models/" + model + "/deployments", null);
  }

  Deployed deployed() {
    try {
      return Deployed.of(model, deployments());
    } catch (Failure e) {
      unknown.add("which versions served: " + firstLine(e));
      return Deployed.unknown(model);
    }
  }

  /** By the model's SLO; the rules' own where that cannot be read. */
  Bounds bounds(boolean watched) throws InterruptedException {
    try {
      JsonNode slo = new LiveModel(model, apiUrl).get("/ml/models/" + model).path("slo");
      return Bounds.of(
          slo.path("latencyMs").asLong(RULE_MS),
          slo.path("availability").asDouble(RULE_AVAILABILITY),
          watched);
    } catch (Failure e) {
      unknown.add("the model's SLO, so 99.9 % and the rules' 750 ms are taken: " + firstLine(e));
      return Bounds.of(RULE_MS, RULE_AVAILABILITY, watched);
    }
  }

  /** Entries of the audit log of a time, at most 10,000 of them; none where it cannot be read. */
  List<AuditLine> audit(Instant from, Instant to) {
    List<AuditLine> lines = new ArrayList<>();
    try {
      long after = before(from);
      for (int page = 0; page < MOST_PAGES; page++) {
        JsonNode entries = entries(after, PAGE);
        for (JsonNode entry : entries) {
          AuditLine line = AuditLine.of(entry);
          if (line.at().isAfter(to)) {
            return lines;
          }
          lines.add(line);
          after = line.seq();
        }
        if (entries.size() < PAGE) {
          return lines;
        }
      }
      unknown.add("the audit log after entry " + after + ": take a shorter window");
    } catch (Failure e) {
      unknown.add("the audit log: " + firstLine(e));
    }
    return lines;
  }

  private JsonNode entries(long after, int limit) {
    return admin
        .call("GET", "/admin/audit?after=" + after + "&limit=" + limit, null)
        .path("entries");
  }

  /** The last number whose next entry is not before a time: the log has its entries by time. */
  private long before(Instant from) {
    long low = 0;
    long high = 1;
    while (isBefore(high, from)) {
      low = high;
      high *= 2;
    }
    while (low < high) {
      long middle = (low + high) >>> 1;
      if (isBefore(middle, from)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private boolean isBefore(long after, Instant from) {
    JsonNode next = entries(after, 1);
    return !next.isEmpty() && AuditLine.of(next.get(0)).at().isBefore(from);
  }

  /** Alerts that fire now by what Alertmanager told, at most 500; none where it cannot be read. */
  List<ToldAlert> told() {
    Instant now = Instant.now();
    try {
      String path = "/admin/alerts?limit=" + PAGE + "&from=" + now.minus(Duration.ofMinutes(1));
      JsonNode alerts = admin.call("GET", path, null).path("alerts");
      if (alerts.size() == PAGE) {
        unknown.add("alerts told of, but the " + PAGE + " that began last");
      }
      return ToldAlert.firing(alerts, model, now);
    } catch (Failure e) {
      unknown.add("the alerts told of: " + firstLine(e));
      return List.of();
    }
  }

  /** What its check says. */
  String chain() {
    try {
      JsonNode answer = admin.call("GET", "/admin/audit/verify", null);
      return answer.path("intact").asBoolean()
          ? "intact, " + answer.path("intactRows").asLong() + " entries"
          : "BROKEN at seq "
              + answer.path("firstBadSeq").asLong()
              + ": "
              + answer.path("reason").asText();
    } catch (Failure e) {
      unknown.add("whether the audit log is whole: " + firstLine(e));
      return "not checked";
    }
  }

  /** Holds in force by a version in a time; null where they cannot be read. */
  @Nullable Holds holds(String version, Instant from, Instant to) throws InterruptedException {
    Set<String> held = new HashSet<>();
    Set<String> labelled = new HashSet<>();
    String of = "?modelId=" + model + "&modelVersion=" + version + "&limit=" + PAGE;
    String within = "&from=" + from + "&to=" + to;
    try {
      LiveModel api = new LiveModel(model, apiUrl);
      boolean more =
          api.list(
              "/ml/predictions" + of + "&enforced=true" + within,
              "predictions",
              item -> held.add(item.path("predictionId").asText()));
      more |=
          api.list(
              "/ml/feedback" + of + "&from=" + from,
              "feedback",
              item -> labelled.add(item.path("predictionId").asText()));
      labelled.retainAll(held);
      return new Holds(version, held.size(), labelled.size(), more);
    } catch (Failure e) {
      unknown.add("the holds of " + version + ": " + firstLine(e));
      return null;
    }
  }

  /** Labels recorded in a time, of a version or of all. */
  LabelCounts labels(@Nullable String version, Instant from, Instant to)
      throws InterruptedException {
    Map<String, Long> counts = new TreeMap<>();
    String of = "?modelId=" + model + (version == null ? "" : "&modelVersion=" + version);
    try {
      boolean more =
          new LiveModel(model, apiUrl)
              .list(
                  "/ml/feedback" + of + "&limit=" + PAGE + "&from=" + from + "&to=" + to,
                  "feedback",
                  item -> counts.merge(item.path("label").asText(), 1L, Long::sum));
      return new LabelCounts(counts, more);
    } catch (Failure e) {
      unknown.add("the labels: " + firstLine(e));
      return new LabelCounts(Map.of(), false);
    }
  }

  static String firstLine(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("no reason");
  }
}
