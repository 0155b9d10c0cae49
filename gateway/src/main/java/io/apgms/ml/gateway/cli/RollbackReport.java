package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.Artifacts;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.gate.Policy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The checklist after a rollback, for the incident: what serves, whether it scores as it must, how
 * fast, what alerts say, and which holds of the version that was left still want a label.
 */
final class RollbackReport {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final AdminClient admin;
  private final String model;
  private final LiveModel live;

  /** What came of one check; skipped where there is nothing to check by. */
  enum Outcome {
    pass,
    fail,
    skipped
  }

  record Item(String check, Outcome outcome, String detail) {}

  RollbackReport(AdminClient admin, String model, String apiUrl) {
    this.admin = admin;
    this.model = model;
    this.live = new LiveModel(model, apiUrl);
  }

  /**
   * Checks, prints, and tells whether nothing failed.
   *
   * @param change the rollback just made; null for the one that was made before
   * @param missed file to write holds without a label to
   */
  boolean print(@Nullable JsonNode change, @Nullable Path missed)
      throws IOException, InterruptedException {
    JsonNode deployments = admin.call("GET", "/admin/models/" + model + "/deployments", null);
    JsonNode active = deployments.at("/deployments/0");
    List<Item> items = new ArrayList<>();
    items.add(serving(deployments));
    items.addAll(scores(active));
    Settings settings = settings();
    items.add(Alerts.check(settings.prometheus().url(), model));
    UnlabelledHolds holds = UnlabelledHolds.find(live, left(active));
    items.add(holds.item());
    if (missed != null) {
      Files.write(missed, holds.lines(model));
    }
    boolean passed = items.stream().noneMatch(item -> item.outcome() == Outcome.fail);
    if (admin.json()) {
      admin.out().println(json(change, active, items, holds, passed).toPrettyString());
    } else {
      for (Item item : items) {
        admin.out().printf("%-7s %-8s %s%n", item.outcome(), item.check(), item.detail());
      }
    }
    admin.out().flush();
    return passed;
  }

  private static Settings settings() {
    return Settings.read(MlService.home(), System.getenv());
  }

  private static Item serving(JsonNode deployments) {
    String version = deployments.at("/deployments/0/version").asText();
    List<String> others = new ArrayList<>();
    for (JsonNode replica : deployments.path("replicas")) {
      if (replica.path("drift").asBoolean()) {
        others.add(
            replica.path("id").asText() + " serves " + replica.path("version").asText("nothing"));
      }
    }
    int live = deployments.path("replicas").size();
    return others.isEmpty() && live > 0
        ? new Item("serving", Outcome.pass, live + " live replica(s) serve " + version)
        : new Item("serving", Outcome.fail, "expected " + version + " everywhere, but " + others);
  }

  /** By the artifact in the registry, verified, with the digest that was deployed. */
  private List<Item> scores(JsonNode active) throws IOException, InterruptedException {
    Settings settings = settings();
    VerifiedArtifact artifact;
    try {
      artifact =
          Artifacts.store(settings)
              .load(model, active.path("version").asText(), active.path("digest").asText());
    } catch (RegistryException e) {
      return List.of(new Item("artifact", Outcome.fail, String.valueOf(e.getMessage())));
    }
    Policy policy = Policy.read(settings.registry().policy());
    RequestCounts before = RequestCounts.of(admin.text("/metrics"), artifact);
    List<Item> items = new ArrayList<>(new LiveScores(live, artifact, policy).check());
    items.add(RequestCounts.of(admin.text("/metrics"), artifact).since(before, artifact));
    return items;
  }

  /** The version that the newest revision has left, and since when it had served. */
  private static UnlabelledHolds.@Nullable Left left(JsonNode active) {
    String kind = active.path("kind").asText();
    boolean back = kind.equals("rollback") || kind.equals("pin");
    return back && active.has("from")
        ? new UnlabelledHolds.Left(active.path("from").asText(), active.path("at").asText())
        : null;
  }

  private ObjectNode json(
      @Nullable JsonNode change,
      JsonNode active,
      List<Item> items,
      UnlabelledHolds holds,
      boolean passed) {
    ObjectNode out = JSON.createObjectNode().put("modelId", model).put("passed", passed);
    out.set("revision", active.path("revision"));
    out.set("version", active.path("version"));
    if (change != null) {
      out.set("change", change);
    }
    ArrayNode checks = out.putArray("checks");
    items.forEach(
        item ->
            checks
                .addObject()
                .put("check", item.check())
                .put("outcome", item.outcome().name())
                .put("detail", item.detail()));
    ArrayNode missed = out.putArray("missed");
    holds.ids().forEach(missed::add);
    return out;
  }
}
