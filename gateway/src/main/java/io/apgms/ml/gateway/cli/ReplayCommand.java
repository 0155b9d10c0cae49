package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.feedback.Decision;
import io.apgms.ml.feedback.DecisionScan;
import io.apgms.ml.gateway.Artifacts;
import io.apgms.ml.gateway.database.DatabaseAddress;
import io.apgms.ml.gateway.database.EmbeddedDatabase;
import io.apgms.ml.gateway.replay.ReplayTally;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.scoring.ScoreResult;
import java.io.IOException;
import java.io.PrintWriter;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "replay",
    description = {
      "Score the logged decisions of the last days with a candidate: how many recommendations would",
      "have flipped, in which direction and for whom (by the requests' groups). Changes nothing.",
      "Reads the database that serves: ML_DATABASE_URL, or the embedded one while the service runs."
    },
    footer = {
      "",
      "Example:",
      "  bin/ml-service replay --model risk-score --version 20261123 --days 7"
    })
final class ReplayCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Option(names = "--model", required = true, description = "model id")
  private String model = "";

  @Option(
      names = "--version",
      required = true,
      description = "candidate: of the registry, or packaged beside it and not yet published")
  private String version = "";

  @Option(names = "--days", required = true, description = "how far back, 1 to 550")
  private int days;

  @Option(names = "--json", description = "print the result as JSON")
  private boolean json;

  private final Set<String> fitting = new HashSet<>();
  private final List<Decision> waiting = new ArrayList<>();
  private long done;

  @Override
  public Integer call() throws Exception {
    if (days < 1 || days > 550) {
      throw new Failure(Failure.USAGE, "--days " + days + ", expected 1 to 550");
    }
    Settings settings = Settings.read(MlService.home(), System.getenv());
    ArtifactStore store = Artifacts.store(settings);
    VerifiedArtifact candidate = candidate(settings, store);
    DatabaseAddress database = database(settings);
    Properties login = new Properties();
    login.setProperty("user", database.user());
    login.setProperty("password", database.password());
    login.setProperty("connectTimeout", "5");
    Instant to = Instant.now();
    Instant from = to.minus(Duration.ofDays(days));
    ReplayTally tally = new ReplayTally(candidate.manifest().threshold());
    try (OfflineScorer scorer = OfflineScorer.open(candidate);
        ConsoleProgress progress = new ConsoleProgress();
        DecisionScan scan = DecisionScan.open(database.jdbcUrl(), login, model, from, to)) {
      int total = (int) Math.min(Integer.MAX_VALUE, scan.count());
      scan.forEach(
          logged -> {
            requireSameFeatures(store, candidate, logged.modelVersion());
            waiting.add(logged);
            if (waiting.size() == OfflineScorer.CHUNK) {
              score(scorer, tally);
              progress.report("decisions", (int) Math.min(done, total), total);
            }
          });
      score(scorer, tally);
    } catch (SQLException e) {
      throw new Failure(
          Failure.UNAVAILABLE, "the decisions cannot be read, SQLSTATE " + e.getSQLState());
    }
    ObjectNode out =
        JSON.createObjectNode()
            .put("modelId", model)
            .put("modelVersion", version)
            .put("digest", candidate.digest())
            .put("from", from.toString())
            .put("to", to.toString());
    tally.into(out);
    print(out);
    return 0;
  }

  private VerifiedArtifact candidate(Settings settings, ArtifactStore store) {
    try {
      return store.load(model, version);
    } catch (RegistryException.NotFound e) {
      return Artifacts.store(settings, Artifacts.candidates(settings)).load(model, version);
    }
  }

  private static DatabaseAddress database(Settings settings) throws IOException {
    String url = settings.database().url();
    DatabaseAddress address =
        url.isEmpty()
            ? EmbeddedDatabase.running(settings.data().dir())
            : DatabaseAddress.parse(url);
    if (address == null) {
      throw new Failure(
          Failure.UNAVAILABLE,
          "the embedded database does not run, expected the service with this data folder"
              + " (ML_DATA_DIR), or ML_DATABASE_URL");
    }
    return address;
  }

  /** What was logged stands in the tensor order of the version that decided. */
  private void requireSameFeatures(ArtifactStore store, VerifiedArtifact candidate, String by) {
    if (!fitting.add(by)) {
      return;
    }
    List<Feature> logged = store.load(model, by).manifest().features();
    List<Feature> expected = candidate.manifest().features();
    for (int i = 0; i < Math.max(logged.size(), expected.size()); i++) {
      String was = i < logged.size() ? logged.get(i).name() : "none";
      String is = i < expected.size() ? expected.get(i).name() : "none";
      if (!was.equals(is) || logged.get(i).type() != expected.get(i).type()) {
        throw new Failure(
            Failure.NO,
            "feature "
                + (i + 1)
                + " of "
                + by
                + ", which decided, is "
                + was
                + ", expected "
                + is
                + " as in "
                + version);
      }
    }
  }

  private void score(OfflineScorer scorer, ReplayTally tally) {
    try {
      ScoreResult[] results = scorer.score(waiting.stream().map(Decision::features).toList());
      for (int i = 0; i < results.length; i++) {
        if (results[i].outcome() != ScoreResult.Outcome.SCORED) {
          throw new Failure(
              Failure.NO,
              "the candidate gives no score for "
                  + waiting.get(i).id()
                  + ": "
                  + results[i].outcome());
        }
        tally.add(waiting.get(i), results[i].score());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure(Failure.UNAVAILABLE, "interrupted");
    }
    done += waiting.size();
    waiting.clear();
  }

  private void print(ObjectNode result) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(result);
      return;
    }
    out.printf(
        "%s %s over %d decisions of %d day(s): review %d -> %d%n",
        model,
        version,
        result.path("decisions").asLong(),
        days,
        result.path("reviewBefore").asLong(),
        result.path("reviewAfter").asLong());
    line(out, "all", result);
    for (JsonNode group : result.path("groups")) {
      line(out, group.path("attribute").asText() + "=" + group.path("value").asText(), group);
    }
    out.println("score shift " + result.path("scoreShift"));
  }

  private static void line(PrintWriter out, String what, JsonNode flips) {
    out.printf(
        "  %-24s decisions %-9d allow -> review %-7d review -> allow %d%n",
        what,
        flips.path("decisions").asLong(),
        flips.path("allowToReview").asLong(),
        flips.path("reviewToAllow").asLong());
  }
}
