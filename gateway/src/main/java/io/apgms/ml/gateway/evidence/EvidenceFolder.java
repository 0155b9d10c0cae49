package io.apgms.ml.gateway.evidence;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.audit.SignedHead;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.AuditHead;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.signature.Trust;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Writes the folder: {@code evidence.json} says all in one, {@code index.html} shows it, {@code
 * artifacts/} is the version with its signature, {@code audit/} the proofs of what was done with it
 * and its tickets, {@code heads.ndjson} the signed heads they lead to, {@code SHA256SUMS} every
 * file's digest.
 */
public final class EvidenceFolder {
  static final String FORMAT = "ml-service-evidence-1";
  static final String JSON_FILE = "evidence.json";
  static final String ARTIFACTS = "artifacts";
  static final String AUDIT = "audit";
  static final String HEADS = "heads.ndjson";
  static final String HEAD_KEY = "audit-head.pub";
  static final String TRUST = "trust.json";
  static final String SUMS = "SHA256SUMS";
  static final String PAGE = "index.html";
  static final String HOW_TO = "VERIFY.md";

  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  /**
   * Where it comes from.
   *
   * @param artifact folder of the version
   * @param trust the keys that are trusted
   * @param headKey public key of the exported heads; null where this machine does not have it
   */
  public record Sources(Path artifact, Trust trust, @Nullable Path headKey) {}

  /**
   * What the service says.
   *
   * @param revisions of the model, newest first, as the deployments route gives them
   * @param tickets by which the version was promoted, as the tickets route gives them
   * @param proofs of the audit entries of the revisions that lead to or away from the version, and
   *     of those that the tickets name
   */
  public record Answers(List<JsonNode> revisions, List<JsonNode> tickets, List<JsonNode> proofs) {}

  /** The entries of the log that a ticket names, whose proofs belong to it. */
  public static List<String> auditIds(JsonNode ticket) {
    return EvidenceTickets.auditIds(ticket);
  }

  private EvidenceFolder() {}

  /**
   * Writes all of it.
   *
   * @param out a folder that is not there yet
   */
  public static void write(
      Path out, Sources sources, VerifiedArtifact artifact, Answers answers, Instant now)
      throws IOException {
    Files.createDirectory(out);
    String model = artifact.manifest().model();
    String version = artifact.manifest().version();
    copyAll(sources.artifact(), out.resolve(ARTIFACTS).resolve(model).resolve(version));
    Files.write(out.resolve(TRUST), sources.trust().only(model).toJson());
    if (sources.headKey() != null) {
      Files.copy(sources.headKey(), out.resolve(HEAD_KEY));
    }
    ObjectNode evidence =
        JSON.createObjectNode()
            .put("format", FORMAT)
            .put("modelId", model)
            .put("modelVersion", version)
            .put("digest", artifact.digest())
            .put("signer", artifact.signer())
            .put("collectedAt", now.toString());
    served(evidence.putArray("served"), answers.revisions(), version);
    List<JsonNode> entries = answers.proofs().stream().map(p -> p.path("entry")).toList();
    EvidenceTickets.write(
        evidence.putArray("tickets"), answers.tickets(), EvidenceTickets.counted(entries));
    proofs(evidence.putArray("auditEntries"), out, answers.proofs());
    Files.writeString(out.resolve(JSON_FILE), JSON.writeValueAsString(evidence) + "\n");
    String card = card(out, model, version);
    Files.writeString(out.resolve(PAGE), EvidencePage.html(evidence, card));
    Files.writeString(out.resolve(HOW_TO), EvidencePage.instructions(model, version));
    sums(out);
  }

  /** The model card of the folder's version. */
  static String card(Path folder, String model, String version) throws IOException {
    Path file = folder.resolve(ARTIFACTS).resolve(model).resolve(version).resolve("report.md");
    return Files.isRegularFile(file) ? Files.readString(file) : "";
  }

  private static void copyAll(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.toList()) {
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
          throw new IOException(file.getFileName() + " is no plain file, expected only those");
        }
        Files.copy(file, to.resolve(file.getFileName().toString()));
      }
    }
  }

  /** When the version was active: each from its revision until the next one. */
  static void served(ArrayNode served, List<JsonNode> newestFirst, String version) {
    String until = null;
    for (JsonNode revision : newestFirst) {
      if (revision.path("version").asText().equals(version)) {
        ObjectNode one = served.addObject();
        for (String field :
            List.of("revision", "kind", "actor", "reason", "ticket", "incident", "auditId")) {
          if (revision.has(field)) {
            one.set(field, revision.get(field));
          }
        }
        one.put("from", revision.path("at").asText()).put("until", until);
      }
      until = revision.path("at").asText();
    }
  }

  private static void proofs(ArrayNode entries, Path out, List<JsonNode> proofs)
      throws IOException {
    Files.createDirectory(out.resolve(AUDIT));
    SortedSet<String> heads = new TreeSet<>();
    for (JsonNode proof : inOrder(proofs)) {
      JsonNode entry = proof.path("entry");
      String file = AUDIT + "/" + String.format("%09d", entry.path("seq").asLong()) + ".json";
      Files.writeString(out.resolve(file), proof + "\n");
      JsonNode head = proof.path("head");
      boolean exported = !head.path("exportedAt").isNull();
      if (exported) {
        heads.add(String.format("%019d ", head.path("seq").asLong()) + line(head));
      }
      entries
          .addObject()
          .put("seq", entry.path("seq").asLong())
          .put("at", entry.path("at").asText())
          .put("action", entry.path("action").asText())
          .put("actor", entry.path("actor").asText())
          .put("detail", entry.path("detail").asText())
          .put("proof", file)
          .put("headExported", exported);
    }
    Files.write(out.resolve(HEADS), heads.stream().map(l -> l.substring(20)).toList());
  }

  private static List<JsonNode> inOrder(List<JsonNode> proofs) {
    return proofs.stream()
        .sorted(Comparator.comparingLong(p -> p.at("/entry/seq").asLong()))
        .toList();
  }

  private static String line(JsonNode head) {
    return new SignedHead(
            new AuditHead(head.path("seq").asLong(), head.path("hash").asText()),
            Instant.parse(head.path("exportedAt").asText()),
            head.path("signature").asText())
        .line();
  }

  static void sums(Path out) throws IOException {
    StringBuilder sums = new StringBuilder();
    for (Path file : files(out)) {
      sums.append(ArtifactStore.sha256(Files.readAllBytes(file)))
          .append("  ")
          .append(out.relativize(file))
          .append('\n');
    }
    Files.writeString(out.resolve(SUMS), sums);
  }

  /** Every file of the folder but the sums, in order; links count, and are refused by the check. */
  static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(p -> !Files.isDirectory(p, LinkOption.NOFOLLOW_LINKS))
          .filter(p -> !p.equals(folder.resolve(SUMS)))
          .sorted()
          .toList();
    }
  }
}
