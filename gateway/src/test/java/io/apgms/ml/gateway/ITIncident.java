package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.gateway.incident.Bounds;
import io.apgms.ml.gateway.incident.Grid;
import io.apgms.ml.gateway.incident.PrometheusReader;
import io.apgms.ml.gateway.incident.Reading;
import io.apgms.ml.gateway.incident.Series;
import io.apgms.ml.gateway.incident.Symptom;
import io.apgms.ml.gateway.incident.Track;
import io.apgms.ml.gateway.incident.Triage;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A slow version and one that gives no scores are promoted under load; triage, by a Prometheus that
 * scrapes each second, tells them apart, and what it says to do ends them.
 */
class ITIncident {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration BOUND = Duration.ofSeconds(30);
  private static final String SLOW = "20261130";
  private static final String FAILING = "20261130-2";
  private static final String OF = "{model=\"risk-score\"}";
  private static final String LATE =
      "sum(increase(apgms_ml_inference_duration_seconds_count{model=\"risk-score\"}[4s]))"
          + " - sum(increase(apgms_ml_inference_duration_seconds_bucket{model=\"risk-score\","
          + "le=\"0.25\"}[4s]))";

  /** Series of what is measured elsewhere, or only when it happens. */
  private static final Set<Series> NOT_YET =
      EnumSet.of(
          Series.FEATURE_DRIFT,
          Series.FEATURE_BOUND,
          Series.SCORE_DRIFT,
          Series.SCORE_BOUND,
          Series.ALERTS);

  @TempDir Path dir;
  private RunningService service;
  private Prometheus prometheus;
  private String oncall;

  private static String outcome(String outcome) {
    return "sum(increase(apgms_ml_inference_requests_total{model=\"risk-score\",outcome=\""
        + outcome
        + "\"}[4s]))";
  }

  /** NaN where it has nothing to say. */
  private double now(String query) {
    return prometheus.result(query).path(0).path("value").path(1).asDouble(Double.NaN);
  }

  private void await(String query, double atLeast, double atMost) throws InterruptedException {
    RunningService.await(
        BOUND,
        () -> {
          double value = now(query);
          return value >= atLeast && value <= atMost;
        });
  }

  private String incident(int exit, String... arguments) throws Exception {
    List<String> words = new ArrayList<>(List.of("incident"));
    words.addAll(List.of(arguments));
    words.addAll(List.of("--model", "risk-score"));
    Map<String, String> settings =
        Map.of("ML_TOKEN", oncall, "ML_PROMETHEUS_URL", prometheus.url());
    return service.run(settings, exit, words.toArray(new String[0]));
  }

  private JsonNode triage(int exit) throws Exception {
    return JSON.readTree(
        incident(exit, "triage", "--json", "--since", "2m", "--incident", "INC-1"));
  }

  /** Asks until nothing leads: on a busy machine answers of the sound version are late as well. */
  private JsonNode onceOver() throws Exception {
    String command =
        "export ML_TOKEN=%s ML_PROMETHEUS_URL=%s\n"
            + "bin/ml-service incident triage --json --model risk-score --since 2m || test $? = 1";
    JsonNode said = JSON.missingNode();
    for (int i = 0; i < 10 && !said.path("leading").isNull(); i++) {
      said = JSON.readTree(service.shell(command.formatted(oncall, prometheus.url())));
    }
    assertThat(said.path("leading").isNull()).as(said.toString()).isTrue();
    return said;
  }

  /** Runs what triage says to do, as it says it. */
  private void rollBackAsTold(JsonNode triage) throws Exception {
    String command = "";
    for (JsonNode step : triage.path("next")) {
      if (step.path("command").asText().startsWith("bin/ml-service rollback")
          && command.isEmpty()) {
        command = step.path("command").asText();
      }
    }
    assertThat(command).contains("--reason", "--incident INC-1");
    assertThat(service.shell("export ML_TOKEN=" + oncall + "\n" + command))
        .contains("-> " + FaultyVersion.SOUND);
  }

  /** From when on a version may have served, and when every replica did. */
  private record Promoted(Instant asked, Instant answered) {}

  private Promoted promoted(Approvers people, String version, String digest) throws Exception {
    String ticket = people.approved(version, digest);
    Instant before = Instant.now();
    var answer = people.promote(version, ticket);
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    return new Promoted(before, Instant.now());
  }

  private static void names(JsonNode triage, String symptom, String version, Promoted promoted) {
    assertThat(triage.at("/leading/symptom").asText()).as(triage.toString()).isEqualTo(symptom);
    Instant since = Instant.parse(triage.at("/leading/since").asText());
    assertThat(since)
        .as("within a few scrapes")
        .isBetween(promoted.asked(), promoted.answered().plusSeconds(4));
    assertThat(triage.path("changesBefore").toString()).contains("\"version\":\"" + version + "\"");
    assertThat(triage.path("next").toString())
        .contains(version + " came just before: return to " + FaultyVersion.SOUND);
  }

  @Test
  void incident_plantedFaults_areToldApartEndedAndReviewed() throws Exception {
    ApprovalRun run = new ApprovalRun(dir);
    Path flags = dir.resolve("flags.json");
    String shipped = Files.readString(RunningService.HOME.resolve("conf/flags.json"));
    Files.writeString(flags, shipped.replace("observe", "act"));
    Map<String, String> settings = new HashMap<>(run.environment());
    settings.put("ML_FLAGS_FILE", flags.toString());
    settings.put("ML_HTTP_TURN_MS", "0"); // answers are late, instead of refused
    Instant begin = Instant.now();
    try (RunningService started = RunningService.start(dir, settings);
        Prometheus scraping = new Prometheus(dir, Prometheus.RULES, List.of(started), 0);
        SteadyRate calm = new SteadyRate(started.apiPort(), ITFaults.CALM, 20);
        SteadyRate odd = new SteadyRate(started.apiPort(), FaultyVersion.ODD, 10)) {
      service = started;
      prometheus = scraping;
      oncall = service.token("oncall");
      String slow = FaultyVersion.slow(run, service, SLOW);
      String failing = FaultyVersion.failing(run, service, FAILING);
      Approvers people = new Approvers(service, run, dir);
      quiet();

      Promoted slowIn = promoted(people, SLOW, slow);
      await(LATE, 30, 1e9);
      JsonNode late = triage(1);
      names(late, "latency", SLOW, slowIn);
      String held = held();
      rollBackAsTold(late);
      await(outcome("success") + " unless (" + LATE + " > 0)", 80, 1e9);
      label(held);
      assertThat(onceOver().toString()).contains("\"symptom\":\"latency\",\"state\":\"ended\"");

      Promoted failingIn = promoted(people, FAILING, failing);
      await(outcome("error"), 20, 1e9);
      JsonNode failed = triage(1);
      names(failed, "errors", FAILING, failingIn);
      assertThat(failed.at("/leading/detail").asText()).contains("invalid_output 100.0 %");
      swapped();
      withoutPrometheus();
      rollBackAsTold(failed);
      await(outcome("error"), 0, 0.5);
      review(begin);
      watch();
      assertThat(calm.failures()).as("but for refusals").allMatch(f -> f.contains("503"));
      assertThat(odd.ended()).isPositive();
    }
    incident(3, "triage", "--since", "2m"); // neither of them answers
  }

  private void quiet() throws Exception {
    await(outcome("success"), 80, 1e9);
    JsonNode quiet = triage(0);
    assertThat(quiet.path("leading").isNull()).as(quiet.toString()).isTrue();
    assertThat(quiet.path("alertsTold")).isEmpty();
    Reading reading = read(EnumSet.allOf(Series.class));
    for (Series series : Series.values()) {
      assertThat(!reading.of(series).isEmpty() || NOT_YET.contains(series))
          .as(series.name())
          .isTrue();
    }
  }

  private Reading read(Set<Series> wanted) throws Exception {
    PrometheusReader reader = new PrometheusReader(prometheus.url());
    Instant to = Instant.now();
    Grid grid = Grid.over(to, Duration.ofMinutes(2), reader.scrape(to));
    return reader.read("risk-score", wanted, grid);
  }

  /** A hold by the slow version; not each is in force, or answered in time. */
  private String held() throws Exception {
    for (int i = 0; i < 50; i++) {
      HttpResponse<String> answer = service.api("POST", "/ml/score", ITFaults.CASE);
      JsonNode held = RunningService.json(answer);
      if (held.at("/decision/enforced").asBoolean()) {
        assertThat(held.path("modelVersion").asText()).isEqualTo(SLOW);
        return held.path("predictionId").asText();
      }
    }
    throw new AssertionError("no hold in force of 50");
  }

  private void label(String id) throws Exception {
    String body = ITFaults.label(id, "FALSE_POSITIVE").replace(FaultyVersion.SOUND, SLOW);
    HttpResponse<String> answer = service.api("POST", "/ml/feedback", body);
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(201);
  }

  /** The control: what failed taken for answers that were late. */
  private void swapped() throws Exception {
    Reading reading =
        read(EnumSet.of(Series.REQUESTS, Series.BUCKETS, Series.ERRORS, Series.REJECTED));
    Bounds bounds = Bounds.of(250, 0.999, true);
    assertThat(symptom(reading, bounds)).isEqualTo(Symptom.ERRORS);
    Map<Series, List<Track>> tracks = new EnumMap<>(Series.class);
    for (Track track : reading.of(Series.REQUESTS)) {
      boolean failed = track.labels().get("outcome").equals("error");
      tracks.computeIfAbsent(Series.REQUESTS, s -> new ArrayList<>());
      Map<String, String> labels = new TreeMap<>(track.labels());
      labels.put("outcome", "success");
      tracks.get(Series.REQUESTS).add(failed ? new Track(labels, track.points()) : track);
      if (failed) {
        tracks
            .computeIfAbsent(Series.BUCKETS, s -> new ArrayList<>(reading.of(Series.BUCKETS)))
            .add(new Track(Map.of("version", labels.get("version"), "le", "+Inf"), track.points()));
      }
    }
    assertThat(symptom(new Reading(reading.grid(), tracks), bounds)).isEqualTo(Symptom.LATENCY);
  }

  private static Symptom symptom(Reading reading, Bounds bounds) throws Exception {
    var leading = Triage.of(reading, bounds, (symptom, crossing) -> crossing).leading();
    return leading == null ? null : leading.symptom();
  }

  /** By two readings of the service's own page; also where Prometheus is away. */
  private void withoutPrometheus() throws Exception {
    Instant told = Instant.now();
    String alert = ITAlerts.group("risk-score", Duration.ofHours(1));
    HttpResponse<String> taken =
        service.management("POST", "/admin/alerts", alert, service.token("alertmanager"));
    assertThat(taken.statusCode()).as(taken.body()).isEqualTo(200);
    String said =
        incident(1, "triage", "--json", "--gap", "3s", "--prometheus", "http://127.0.0.1:1");
    JsonNode pages = JSON.readTree(said);
    assertThat(pages.at("/leading/symptom").asText()).isEqualTo("errors");
    assertThat(pages.at("/leading/since").isNull()).isTrue();
    assertThat(pages.path("alertsTold")).hasSize(1);
    assertThat(pages.at("/alertsTold/0/name").asText()).isEqualTo("MLInferenceDriftDetected");
    assertThat(Instant.parse(pages.at("/alertsTold/0/since").asText()))
        .isBetween(told.minusSeconds(3_601), Instant.now().minusSeconds(3_599));
    assertThat(pages.path("source").asText()).contains("read twice");
    assertThat(pages.path("unknown").toString()).contains("since when", "Prometheus");
  }

  private void review(Instant begin) throws Exception {
    Path file = dir.resolve("review.md");
    String[] words = {
      "review", "--from", begin.toString(), "--incident", "INC-1", "--out", file.toString()
    };
    assertThat(incident(0, words)).contains("written");
    assertThat(incident(2, words)).contains("expected a new file");
    String review = Files.readString(file);
    assertThat(review)
        .contains("# Post-incident review INC-1: ", "Audit log: intact")
        .contains("rollback " + SLOW + " -> " + FaultyVersion.SOUND)
        .contains("| holds by " + SLOW + ", of them labelled | " + holds() + ", 1 | |")
        .contains("Do not return to " + FAILING)
        .contains("| latency over the bound |", "| errors over the bound |")
        .doesNotContain("dora", "olga", "test-oncall", "weekly");
    assertThat(missing(review)).isEmpty();
    String cut =
        String.join("\n", review.lines().filter(l -> !l.contains("| rollback 2")).toList());
    assertThat(missing(cut)).as("the control").hasSize(2);
  }

  private int holds() throws Exception {
    String list = "/ml/predictions?limit=500&enforced=true&modelVersion=" + SLOW;
    return RunningService.json(service.api("GET", list, null)).path("predictions").size();
  }

  /** Changes in the audit log that the timeline does not tell. */
  private List<Long> missing(String review) throws Exception {
    List<Long> missing = new ArrayList<>();
    JsonNode log =
        RunningService.json(service.management("GET", "/admin/audit?limit=500", null, oncall));
    for (JsonNode entry : log.path("entries")) {
      boolean change = Set.of("promote", "rollback").contains(entry.path("action").asText());
      String source = "| audit " + entry.path("seq").asLong() + " |";
      if (change && review.lines().noneMatch(line -> line.endsWith(source))) {
        missing.add(entry.path("seq").asLong());
      }
    }
    assertThat(log.path("entries").toString()).contains("\"action\":\"rollback\"");
    return missing;
  }

  private void watch() throws Exception {
    assertThat(incident(3, "watch")).contains("expected 24 hours of it", "--so-far");
    assertThat(incident(1, "watch", "--so-far", "--revision", "3"))
        .contains("# Watch of risk-score, revision 3: fail")
        .contains("| serving | fail |", "| slo | inconclusive |");
    assertThat(prometheus.result("apgms_ml_deployment_revision" + OF)).isNotEmpty();
  }
}
