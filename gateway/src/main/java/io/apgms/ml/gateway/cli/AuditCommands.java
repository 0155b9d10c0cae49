package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.gateway.audit.AuditJson;
import io.apgms.ml.gateway.audit.HeadReader;
import io.apgms.ml.gateway.audit.OfflineAudit;
import io.apgms.ml.registry.AuditChain;
import io.apgms.ml.registry.AuditEntry;
import io.apgms.ml.registry.AuditHead;
import io.apgms.ml.registry.ChainCheck;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The audit log from a shell. */
@Command(
    name = "audit",
    description = "Show, export and check the hash-chained audit log.",
    subcommands = {
      AuditCommands.Verify.class,
      AuditCommands.Show.class,
      AuditCommands.Export.class
    })
final class AuditCommands {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int PAGE = 500;

  @Command(
      name = "verify",
      description = {
        "Check that no entry was edited, removed, moved or added behind the log's back.",
        "A log that was cut, or rewritten as a whole, shows only beside heads that were exported"
            + " before: --head. Exit code 1 names the first bad entry.",
        "With --head or --offline the entries are checked here, not by the service."
      },
      footer = {
        "",
        "Examples:",
        "  bin/ml-service audit verify",
        "  bin/ml-service audit verify --head /mnt/worm/audit-heads --key audit-head.pub",
        "  bin/ml-service audit verify --offline audit.ndjson --head audit-heads",
        "  bin/ml-service audit verify --proof decision.json --head audit-heads"
      })
  static final class Verify implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @ArgGroup private @Nullable Source source;

    @Option(names = "--head", description = "exported heads: a file, or the folder of them")
    private @Nullable Path head;

    @Option(names = "--key", description = "public key that must have signed every head")
    private @Nullable Path key;

    static final class Source {
      @Option(names = "--offline", description = "an export to check, without a service")
      private @Nullable Path export;

      @Option(names = "--proof", description = "an answer of the proof route, without a service")
      private @Nullable Path proof;
    }

    @Override
    public Integer call() throws IOException {
      if (key != null && head == null) {
        throw new Failure(Failure.USAGE, "--key without --head, expected the heads it signed");
      }
      try (Stream<AuditHead> heads = head == null ? Stream.empty() : HeadReader.read(head, key)) {
        if (source != null && source.proof != null) {
          return proof(source.proof, heads);
        }
        if (source != null && source.export != null) {
          try (BufferedReader in = Files.newBufferedReader(source.export)) {
            return print(OfflineAudit.chain(in, heads.iterator()));
          }
        }
        return print(head == null ? asked() : here(heads));
      } catch (CharacterCodingException e) {
        throw new Failure(Failure.NO, "a file is no UTF-8, expected what was exported");
      } catch (IllegalArgumentException e) {
        throw new Failure(Failure.NO, "the exported heads: " + e.getMessage());
      }
    }

    private ChainCheck asked() {
      JsonNode answer = admin.call("GET", "/admin/audit/verify", null);
      boolean intact = answer.path("intact").asBoolean();
      return new ChainCheck(
          answer.path("intactRows").asLong(),
          intact ? null : Long.valueOf(answer.path("firstBadSeq").asLong()),
          intact ? null : answer.path("reason").asText());
    }

    private ChainCheck here(Stream<AuditHead> heads) throws IOException {
      AuditChain chain = new AuditChain(heads.iterator());
      entries(admin, 0, chain::accept);
      return chain.end();
    }

    private int print(ChainCheck check) throws IOException {
      if (admin.json()) {
        admin.out().println(JSON.writeValueAsString(check));
      } else if (check.intact()) {
        admin.out().printf("intact: %d entries%n", check.intactRows());
        if (head == null) {
          admin
              .out()
              .println(
                  source == null
                      ? "also beside the head that the service exported last; --head checks others"
                      : "no --head given: a log that was cut or rewritten would pass");
        }
      } else {
        admin.out().printf("broken at seq %d: %s%n", check.firstBadSeq(), check.reason());
      }
      return check.intact() ? 0 : Failure.NO;
    }

    private int proof(Path file, Stream<AuditHead> heads) throws IOException {
      OfflineAudit.Shown shown = OfflineAudit.proof(JSON.readTree(Files.readAllBytes(file)), heads);
      if (shown.why() == null) {
        admin.out().printf("holds: leads to head %d %s%n", shown.head().seq(), shown.head().hash());
        if (head == null) {
          admin.out().println("no --head given: compare that head with an exported one");
        }
      } else {
        admin.out().println("does not hold: " + shown.why());
      }
      return shown.why() == null ? 0 : Failure.NO;
    }
  }

  @Command(
      name = "show",
      description = "Entries of the log, or the proof of one entry or decision.",
      footer = {
        "",
        "Examples:",
        "  bin/ml-service audit show --after 100",
        "  bin/ml-service audit show --proof 01a20b18-06d9-780d-a669-e471754ece28 > decision.json"
      })
  static final class Show implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Option(names = "--after", description = "seq after which to begin", defaultValue = "0")
    private long after;

    @Option(names = "--limit", description = "most entries, 1 to 500", defaultValue = "100")
    private int limit;

    @Option(names = "--proof", description = "prediction id or audit id to prove, as JSON")
    private @Nullable String proof;

    @Override
    public Integer call() {
      if (proof != null) {
        admin.out().println(admin.call("GET", "/admin/audit/" + proof + "/proof", null));
        return 0;
      }
      JsonNode answer = admin.call("GET", "/admin/audit?after=" + after + "&limit=" + limit, null);
      if (!admin.printedAsJson(answer)) {
        for (JsonNode e : answer.path("entries")) {
          admin
              .out()
              .printf(
                  "%-6d %s  %-12s %-10s %-16s %s%n",
                  e.path("seq").asLong(),
                  e.path("at").asText(),
                  e.path("action").asText(),
                  e.path("actor").asText(),
                  e.path("subject").asText(),
                  e.path("detail").asText());
        }
      }
      return 0;
    }
  }

  @Command(
      name = "export",
      description = "Write every entry to a file, a line of JSON each, for audit verify --offline.",
      footer = {"", "Example:", "  bin/ml-service audit export --out audit.ndjson"})
  static final class Export implements Callable<Integer> {
    @Mixin private final AdminClient admin = new AdminClient();

    @Option(names = "--out", required = true, description = "file to write")
    private Path out = Path.of("");

    @Override
    public Integer call() throws IOException {
      Path part = out.resolveSibling(out.getFileName() + ".part");
      long rows;
      try (BufferedWriter to = Files.newBufferedWriter(part)) {
        rows =
            entries(
                admin,
                0,
                e -> {
                  try {
                    to.write(AuditJson.json(e) + "\n");
                    return true;
                  } catch (IOException io) {
                    throw new Failure(Failure.UNAVAILABLE, "cannot write: " + io.getMessage());
                  }
                });
      }
      Files.move(part, out, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
      admin.out().printf("%d entries written to %s%n", rows, out);
      return 0;
    }
  }

  /** Reads the log page by page until its end or a refusal; gives the number of entries taken. */
  private static long entries(AdminClient admin, long after, Predicate<AuditEntry> taken) {
    long seq = after;
    long rows = 0;
    while (true) {
      JsonNode page =
          admin.call("GET", "/admin/audit?after=" + seq + "&limit=" + PAGE, null).path("entries");
      for (JsonNode e : page) {
        AuditEntry entry = AuditJson.entry(e);
        if (!taken.test(entry)) {
          return rows;
        }
        rows++;
        seq = Math.max(seq, entry.seq());
      }
      if (page.size() < PAGE) {
        return rows;
      }
    }
  }
}
