package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.apgms.ml.gateway.Artifacts;
import io.apgms.ml.gateway.evidence.EvidenceCheck;
import io.apgms.ml.gateway.evidence.EvidenceFolder;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.VerifiedArtifact;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "evidence",
    description = {
      "Put all that is known of a version into one folder: its artifact with the signature, when it",
      "served and who decided that, its tickets with gates, approvals and waivers, with proofs from",
      "the audit log. Or check such a folder, with neither a service nor a database."
    },
    footer = {
      "",
      "Examples:",
      "  bin/ml-service evidence --model risk-score --version 20261123 --out evidence/",
      "  bin/ml-service evidence --check evidence/ --head audit-heads --trust trust.json"
    })
final class EvidenceCommand implements Callable<Integer> {
  private static final long HEAD_BOUND_SECONDS = 75; // a head is exported each minute
  private static final long POLL_MS = 1_000;

  @Mixin private final AdminClient admin = new AdminClient();

  @ArgGroup(multiplicity = "1")
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private Task task;

  @Option(names = "--head", description = "with --check: exported heads of your own keeping")
  private @Nullable Path heads;

  @Option(names = "--trust", description = "with --check: pinned keys of your own keeping")
  private @Nullable Path trust;

  static final class Task {
    @ArgGroup(exclusive = false)
    private @Nullable Collect collect;

    @Option(names = "--check", required = true, description = "folder to check")
    private @Nullable Path check;
  }

  static final class Collect {
    @Option(names = "--model", required = true, description = "model id")
    private String model = "";

    @Option(names = "--version", required = true, description = "version")
    private String version = "";

    @Option(names = "--out", required = true, description = "folder to make")
    private Path out = Path.of("");
  }

  @Override
  public Integer call() throws Exception {
    Path folder = task.check;
    return folder != null ? check(folder) : collect(java.util.Objects.requireNonNull(task.collect));
  }

  private int check(Path folder) throws IOException {
    List<String> wrong = EvidenceCheck.of(folder, heads, trust);
    wrong.forEach(admin.out()::println);
    if (wrong.isEmpty()) {
      admin
          .out()
          .println(
              "holds: every file, the signature, the tickets, every audit entry up to its head");
      if (heads == null || trust == null) {
        admin.out().println("compared with the folder's own heads or keys: see its VERIFY.md");
      }
    }
    return wrong.isEmpty() ? 0 : Failure.NO;
  }

  private int collect(Collect asked) throws Exception {
    if (Files.exists(asked.out)) {
      throw new Failure(Failure.USAGE, "'" + asked.out + "' is there, expected a new folder");
    }
    Settings settings = Settings.read(MlService.home(), System.getenv());
    VerifiedArtifact artifact = Artifacts.store(settings).load(asked.model, asked.version);
    List<JsonNode> revisions = new ArrayList<>();
    admin
        .call("GET", "/admin/models/" + asked.model + "/deployments", null)
        .path("deployments")
        .forEach(revisions::add);
    List<JsonNode> tickets = new ArrayList<>();
    Set<String> auditIds = new LinkedHashSet<>();
    for (int i = revisions.size() - 1; i >= 0; i--) {
      JsonNode revision = revisions.get(i);
      boolean to = revision.path("version").asText().equals(asked.version);
      if (to || revision.path("from").asText().equals(asked.version)) {
        auditIds.add(revision.path("auditId").asText());
      }
      if (to && revision.has("ticket")) {
        JsonNode ticket = TicketCommand.show(admin, revision.path("ticket").asText());
        tickets.add(ticket);
        auditIds.addAll(EvidenceFolder.auditIds(ticket));
      }
    }
    List<JsonNode> proofs = proofs(auditIds);
    Path headKey = settings.audit().headDir().resolve("audit-head.pub");
    EvidenceFolder.write(
        asked.out,
        new EvidenceFolder.Sources(
            settings.registry().dir().resolve(asked.model).resolve(asked.version),
            Artifacts.trust(settings).get(),
            Files.isRegularFile(headKey) ? headKey : null),
        artifact,
        new EvidenceFolder.Answers(revisions, tickets, proofs),
        Instant.now());
    admin.out().printf("evidence of %s %s in %s%n", asked.model, asked.version, asked.out);
    return 0;
  }

  private List<JsonNode> proofs(Set<String> auditIds) throws InterruptedException {
    List<JsonNode> proofs = new ArrayList<>();
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(HEAD_BOUND_SECONDS);
    try (ConsoleProgress progress = new ConsoleProgress()) {
      for (String id : auditIds) {
        proofs.add(proof(id, deadline));
        progress.report("audit entries", proofs.size(), auditIds.size());
      }
    }
    return proofs;
  }

  /** Waits for the head that covers it, so that the folder can be checked by itself. */
  private JsonNode proof(String auditId, long deadline) throws InterruptedException {
    while (true) {
      JsonNode proof = admin.call("GET", "/admin/audit/" + auditId + "/proof", null);
      if (!proof.path("head").path("exportedAt").isNull() || System.nanoTime() > deadline) {
        return proof;
      }
      Thread.sleep(POLL_MS);
    }
  }
}
