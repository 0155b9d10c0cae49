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
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "replay",
    description = {
      "Score the logged decisions of the last days with a candidate: how many recommendations would",
      "have flipped, in which direction and for whom (by the requests' groups). Changes nothing.",
      "Reads the database that serves: ML_DATABASE_URL, or the embedded one while the service runs.",
      "With --ticket the result is kept with the ticket, for its reviewers."
    },
    footer = {
      "",
      "Examples:",
      "  bin/ml-service replay --model risk-score --version 20261123 --days 7",
      "  bin/ml-service replay --model risk-score --version 20261130 --days 7 --ticket MLAPPROVAL-1"
    })
final class ReplayCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Mixin private final AdminClient admin = new AdminClient();

  @Option(names = "--model", required = true, description = "model id")
  private String model = "";

  @Option(
      names = "--version",
      required = true,
      description = "candidate: of the registry, or packaged beside it and not yet published")
  private String version = "";

  @Option(names = "--days", required = true, description = "how far back, 1 to 550")
  private int days;

  @Option(
      names = "--ticket",
      description = "MLAPPROVAL-n of the candidate: attach the result, with ML_TOKEN's subject")
  private @Nullable String ticket;

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
    requireItsTicket(candidate);
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
    if (ticket == null) {
      print(out);
      return 0;
    }
    JsonNode attached = TicketCommand.attachReplay(admin, ticket, out);
    print(out);
    if (!admin.json()) {
      admin.out().printf("attached to %s, replay %d%n", ticket, attached.path("replays").size());
    }
    return 0;
  }

  /** Before the work: a replay of other bytes is no replay of the ticket's candidate. */
  private void requireItsTicket(VerifiedArtifact candidate) {
    if (ticket == null) {
      return;
    }
    String expected = TicketCommand.show(admin, ticket).path("manifestDigest").asText();
    if (!candidate.digest().equals(expected)) {
      throw new Failure(
          Failure.NO,
          version + " has " + candidate.digest() + ", expected " + expected + " of " + ticket);
    }
  }

  private VerifiedArtifact candidate(Settings settings, ArtifactStore store) {
    try {
      return store.load(model, version);
    } catch (RegistryException.NotFound e) {
      return Artifacts.store(settings, Artifacts.candidates(settings)).load(model, version);
    }
  }

  /** The database that serves. */
  static DatabaseAddress database(Settings settings) throws IOException {
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
    PrintWriter out = admin.out();
    if (admin.json()) {
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
    TicketText.flips(out, "all", result);
    for (JsonNode group : result.path("groups")) {
      TicketText.flips(
          out, group.path("attribute").asText() + "=" + group.path("value").asText(), group);
    }
    out.println("score shift " + result.path("scoreShift"));
  }
}
