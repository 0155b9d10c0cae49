package io.apgms.ml.gateway.evidence;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import io.apgms.ml.gateway.audit.HeadReader;
import io.apgms.ml.gateway.audit.OfflineAudit;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.AuditHead;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.signature.TrustFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Checks a folder of evidence against itself and the keys, without a service: every file's digest,
 * the artifact's signature, each audit entry's way to an exported head, and that {@code
 * evidence.json} says what the signed and the logged parts say.
 */
public final class EvidenceCheck {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final List<String> SERVED =
      List.of(
          "revision", "kind", "actor", "reason", "ticket", "incident", "auditId", "from", "until");

  private final Path folder;
  private final @Nullable Path heads;
  private final @Nullable Path trust;
  private final List<String> wrong = new ArrayList<>();

  private EvidenceCheck(Path folder, @Nullable Path heads, @Nullable Path trust) {
    this.folder = folder;
    this.heads = heads;
    this.trust = trust;
  }

  /**
   * Checks it.
   *
   * @param heads exported ones from elsewhere, file or folder; null takes the folder's own
   * @param trust pinned keys from elsewhere; null takes the folder's own
   * @return what is wrong, a line each; empty where all holds
   */
  public static List<String> of(Path folder, @Nullable Path heads, @Nullable Path trust)
      throws IOException {
    EvidenceCheck check = new EvidenceCheck(folder, heads, trust);
    try {
      check.sums();
      check.parts();
    } catch (JsonProcessingException
        | CharacterCodingException
        | NoSuchFileException
        | UncheckedIOException
        | IllegalArgumentException
        | DateTimeException e) {
      check.wrong.add("a file is missing or not what it must be: " + e.getMessage());
    }
    return List.copyOf(check.wrong);
  }

  private void sums() throws IOException {
    Map<String, String> expected = new TreeMap<>();
    for (String line : Files.readAllLines(folder.resolve(EvidenceFolder.SUMS))) {
      if (!line.matches("[0-9a-f]{64}  .+")) {
        throw new IllegalArgumentException("SHA256SUMS, expected lines of sha256sum");
      }
      expected.put(line.substring(66), line.substring(0, 64));
    }
    for (Path file : EvidenceFolder.files(folder)) {
      String name = folder.relativize(file).toString();
      String sum = expected.remove(name);
      if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
        wrong.add(name + " is no plain file");
      } else if (sum == null) {
        wrong.add(name + " is not in SHA256SUMS");
      } else if (!sum.equals(ArtifactStore.sha256(Files.readAllBytes(file)))) {
        wrong.add(name + " was changed");
      }
    }
    expected.keySet().forEach(name -> wrong.add(name + " is missing"));
  }

  private void parts() throws IOException {
    JsonNode evidence = JSON.readTree(Files.readAllBytes(folder.resolve(EvidenceFolder.JSON_FILE)));
    if (!evidence.path("format").asText().equals(EvidenceFolder.FORMAT)) {
      wrong.add("evidence.json, expected format " + EvidenceFolder.FORMAT);
      return;
    }
    artifact(evidence);
    Map<String, JsonNode> entries = new HashMap<>();
    for (JsonNode named : evidence.path("auditEntries")) {
      String file = named.path("proof").asText();
      if (!file.matches(EvidenceFolder.AUDIT + "/[0-9]{9,19}[.]json")) {
        wrong.add("evidence.json names no proof of audit seq " + named.path("seq").asLong());
        continue;
      }
      JsonNode proof = JSON.readTree(Files.readAllBytes(folder.resolve(file)));
      proof(file, named, proof);
      JsonNode entry = proof.path("entry");
      entries.put(entry.path("id").asText(), entry);
    }
    served(evidence, entries.values().stream().filter(e -> !EvidenceTickets.isTickets(e)).toList());
    wrong.addAll(EvidenceTickets.wrong(evidence, entries));
    page(evidence);
  }

  /** What is shown must be what is said. */
  private void page(JsonNode evidence) throws IOException {
    String model = evidence.path("modelId").asText();
    String version = evidence.path("modelVersion").asText();
    String card = EvidenceFolder.card(folder, model, version);
    if (!Files.readString(folder.resolve(EvidenceFolder.PAGE))
        .equals(EvidencePage.html(evidence, card))) {
      wrong.add("index.html does not show what evidence.json says");
    }
    if (!Files.readString(folder.resolve(EvidenceFolder.HOW_TO))
        .equals(EvidencePage.instructions(model, version))) {
      wrong.add("VERIFY.md is not as it was written");
    }
  }

  /** As of the time of collecting: keys end, what they signed stays signed. */
  private void artifact(JsonNode evidence) {
    Instant collected = Instant.parse(evidence.path("collectedAt").asText());
    Path pinned = trust == null ? folder.resolve(EvidenceFolder.TRUST) : trust;
    ArtifactStore store =
        ArtifactStore.trusting(
            folder.resolve(EvidenceFolder.ARTIFACTS), new TrustFile(pinned, null), () -> collected);
    try {
      VerifiedArtifact artifact =
          store.load(
              evidence.path("modelId").asText(),
              evidence.path("modelVersion").asText(),
              evidence.path("digest").asText());
      if (!evidence.path("signer").asText().equals(artifact.signer())) {
        wrong.add("evidence.json names another signer than model.sig");
      }
    } catch (RegistryException e) {
      wrong.add("the artifact: " + e.getMessage());
    }
  }

  private void proof(String file, JsonNode named, JsonNode proof) throws IOException {
    Path own = folder.resolve(EvidenceFolder.HEADS);
    Path key = folder.resolve(EvidenceFolder.HEAD_KEY);
    boolean signed = heads == null && Files.isRegularFile(key);
    try (Stream<AuditHead> exported =
        HeadReader.read(heads == null ? own : heads, signed ? key : null)) {
      OfflineAudit.Shown shown =
          OfflineAudit.proof(proof, Stream.concat(Stream.of(AuditHead.EMPTY), exported));
      if (shown.why() != null) {
        wrong.add(file + ": " + shown.why());
      }
    }
    JsonNode entry = proof.path("entry");
    for (String field : List.of("seq", "at", "action", "actor", "detail")) {
      if (!named.path(field).asText().equals(entry.path(field).asText())) {
        wrong.add("evidence.json: " + field + " is not what " + file + " says");
      }
    }
  }

  /** As the deployments route leaves out what is null. */
  private static String text(JsonNode detail, String field) {
    return detail.path(field).isNull() ? "" : detail.path(field).asText();
  }

  /** When it served, told by the entries alone: each that leads to it, until the next revision. */
  private void served(JsonNode evidence, Collection<JsonNode> entries)
      throws JsonProcessingException {
    Map<Long, JsonNode> byRevision = new TreeMap<>();
    for (JsonNode entry : entries) {
      JsonNode detail = JSON.readTree(entry.path("detail").asText());
      if (!entry.path("subject").equals(evidence.path("modelId"))) {
        wrong.add("audit seq " + entry.path("seq").asText() + " is of another model");
      }
      byRevision.put(detail.path("revision").asLong(), entry);
    }
    ArrayNode told = JSON.createArrayNode();
    for (Map.Entry<Long, JsonNode> one : byRevision.entrySet()) {
      JsonNode entry = one.getValue();
      JsonNode detail = JSON.readTree(entry.path("detail").asText());
      if (!detail.path("to").equals(evidence.path("modelVersion"))) {
        continue;
      }
      if (!detail.path("digest").equals(evidence.path("digest"))) {
        wrong.add("audit seq " + entry.path("seq").asText() + " deployed another digest");
      }
      JsonNode next = byRevision.get(one.getKey() + 1);
      told.insertObject(0)
          .put("revision", one.getKey())
          .put("kind", entry.path("action").asText())
          .put("actor", entry.path("actor").asText())
          .put("reason", detail.path("reason").asText())
          .put("ticket", text(detail, "ticket"))
          .put("incident", text(detail, "incident"))
          .put("auditId", entry.path("id").asText())
          .put("from", entry.path("at").asText())
          .put("until", next == null ? null : next.path("at").asText());
    }
    for (int i = 0; i < Math.max(told.size(), evidence.path("served").size()); i++) {
      JsonNode served = evidence.path("served").path(i);
      for (String field : SERVED) {
        if (!served.path(field).asText().equals(told.path(i).path(field).asText())) {
          wrong.add("evidence.json: served " + i + " " + field + " is not what the log says");
        }
      }
    }
  }
}
