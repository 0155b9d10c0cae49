package io.apgms.ml.gateway.evidence;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.audit.AuditJson;
import io.apgms.ml.gateway.audit.HeadFiles;
import io.apgms.ml.gateway.audit.HeadKey;
import io.apgms.ml.gateway.audit.SignedHead;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.AuditEntry;
import io.apgms.ml.registry.AuditRecord;
import io.apgms.ml.registry.Chains;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.signature.TrustFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvidenceFolderTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path HOME = Path.of("..").toAbsolutePath().normalize();
  private static final String MODEL = "risk-score";
  private static final String VERSION = "20261123";
  private static final String EVIL = "<script>alert(1)</script> & \"x\"";

  /** Where the entries of revisions 1 to 4 stand in the chain. */
  private static final int[] DEPLOYED = {0, 8, 10, 11};

  @TempDir Path dir;
  private Path folder;
  private List<AuditEntry> chain;

  @BeforeEach
  void write() throws IOException {
    folder = dir.resolve("evidence");
    TrustFile trust = new TrustFile(HOME.resolve("conf/trust.json"), null);
    Path models = HOME.resolve("artifacts/models");
    VerifiedArtifact artifact =
        ArtifactStore.trusting(models, trust, InstantSource.system()).load(MODEL, VERSION);
    TicketInChain ticket = new TicketInChain(MODEL, VERSION, artifact.digest(), EVIL);
    List<AuditRecord> records = new ArrayList<>();
    records.add(record("bootstrap", 1, null, "20261116", "sha256:" + "1".repeat(64)));
    records.addAll(ticket.steps());
    AuditRecord promoted = record("promote", 2, "20261116", VERSION, artifact.digest());
    records.add(ticket.promotion(promoted));
    records.add(ticket.closing());
    records.add(record("rollback", 3, VERSION, "20261116", "sha256:" + "1".repeat(64)));
    records.add(record("rollback", 4, "20261116", VERSION, artifact.digest()));
    records.add(new AuditRecord("system", "seal", "decisions", Map.of("root", "00")));
    chain = Chains.of(records.toArray(AuditRecord[]::new));
    HeadKey key = HeadKey.open(dir);
    HeadFiles heads = HeadFiles.open(dir.resolve("heads"), key);
    SignedHead head = heads.append(Chains.headOf(chain), Instant.parse("2026-11-24T10:00:00Z"));
    EvidenceFolder.write(
        folder,
        new EvidenceFolder.Sources(
            models.resolve(MODEL).resolve(VERSION),
            trust.get(),
            dir.resolve("heads/audit-head.pub")),
        artifact,
        new EvidenceFolder.Answers(
            List.of(revision(4), revision(3), revision(2), revision(1)),
            List.of(ticket.asShown(chain)),
            proofs(head)),
        Instant.parse("2026-11-24T12:00:00Z"));
  }

  private static AuditRecord record(
      String kind, int revision, String from, String to, String digest) {
    Map<String, Object> detail = new HashMap<>();
    detail.put("revision", revision);
    detail.put("from", from);
    detail.put("to", to);
    detail.put("digest", digest);
    detail.put("reason", EVIL);
    return new AuditRecord("ann", kind, MODEL, detail);
  }

  /** As the deployments route gives it. */
  private JsonNode revision(int number) throws IOException {
    AuditEntry e = chain.get(DEPLOYED[number - 1]);
    JsonNode detail = JSON.readTree(e.detail());
    ObjectNode out =
        JSON.createObjectNode()
            .put("revision", number)
            .put("version", detail.path("to").asText())
            .put("kind", e.action())
            .put("actor", e.actor())
            .put("reason", EVIL)
            .put("at", e.at().toString())
            .put("auditId", e.id().toString());
    for (String field : List.of("from", "ticket")) {
      if (detail.path(field).isTextual()) {
        out.put(field, detail.path(field).asText());
      }
    }
    return out;
  }

  /** Of all but the first and the last entry. */
  private List<JsonNode> proofs(SignedHead head) {
    List<JsonNode> proofs = new ArrayList<>();
    for (int i = 1; i < chain.size() - 1; i++) {
      proofs.add(proof(i, head));
    }
    return proofs;
  }

  private JsonNode proof(int index, SignedHead head) {
    ObjectNode proof = JSON.createObjectNode();
    proof.set("entry", AuditJson.json(chain.get(index)));
    ArrayNode link = proof.putArray("link");
    chain.subList(index + 1, chain.size()).forEach(e -> link.add(AuditJson.json(e)));
    proof
        .putObject("head")
        .put("seq", head.head().seq())
        .put("hash", head.head().hash())
        .put("exportedAt", head.at().toString())
        .put("signature", head.signature());
    return proof;
  }

  private List<String> check() throws IOException {
    return EvidenceCheck.of(folder, null, null);
  }

  @Test
  void write_andCheck_holdsAndShowsWhenItServed() throws IOException {
    assertThat(check()).isEmpty();
    assertThat(EvidenceCheck.of(folder, dir.resolve("heads"), HOME.resolve("conf/trust.json")))
        .isEmpty();
    JsonNode served = JSON.readTree(folder.resolve("evidence.json").toFile()).path("served");
    assertThat(served).hasSize(2);
    assertThat(served.get(0).path("until").isNull()).isTrue();
    assertThat(served.get(1).path("until").asText())
        .isEqualTo(chain.get(DEPLOYED[2]).at().toString());
    String page = Files.readString(folder.resolve("index.html"));
    assertThat(page).contains("&lt;script&gt;", "still active").doesNotContain("<script");
    assertThat(page)
        .contains("MLAPPROVAL-1", "waiver of error-budget", "sex=female", "no canary rows");
  }

  @Test
  void check_anyByteOfAnyFileChanged_isFound() throws IOException {
    SplittableRandom random = new SplittableRandom(20261124);
    for (Path file : EvidenceFolder.files(folder)) {
      byte[] whole = Files.readAllBytes(file);
      for (int i = 0; i < 4; i++) {
        byte[] bytes = whole.clone();
        bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
        Files.write(file, bytes);
        assertThat(check()).as("%s, edit %d", file, i).isNotEmpty();
      }
      Files.write(file, whole);
    }
    assertThat(check()).isEmpty();
    Path more = Files.writeString(folder.resolve("more.txt"), "x");
    assertThat(check()).containsExactly("more.txt is not in SHA256SUMS");
    Files.delete(more);
    Files.delete(folder.resolve("audit/000000011.json"));
    assertThat(check()).anyMatch(line -> line.contains("missing"));
  }

  /** Whoever writes the sums anew is stopped by the signatures and by the log. */
  @Test
  void check_valuesChangedAndSummedAgain_isFound() throws IOException {
    Path file = folder.resolve("evidence.json");
    JsonNode whole = JSON.readTree(file.toFile());
    List<String> pointers = new ArrayList<>();
    pointers(whole, "", pointers);
    for (String pointer : pointers) {
      if (pointer.equals("/collectedAt") || pointer.endsWith("/headExported")) {
        continue; // said by nobody else
      }
      JsonNode evidence = whole.deepCopy();
      int slash = pointer.lastIndexOf('/');
      String changed = evidence.at(pointer).asText() + "1";
      if (evidence.at(pointer.substring(0, slash)) instanceof ArrayNode list) {
        list.set(
            Integer.parseInt(pointer.substring(slash + 1)),
            JSON.getNodeFactory().textNode(changed));
      } else {
        ObjectNode parent = (ObjectNode) evidence.at(pointer.substring(0, slash));
        parent.put(pointer.substring(slash + 1), changed);
      }
      rewrite(evidence);
      assertThat(check()).as(pointer).isNotEmpty();
    }
    for (String part : List.of("evidence", "replays", "approvals")) {
      for (int i = 0; i < whole.at("/tickets/0/" + part).size(); i++) {
        ObjectNode less = whole.deepCopy();
        ((ArrayNode) less.at("/tickets/0/" + part)).remove(i);
        rewrite(less);
        assertThat(check()).as("%s %d left out", part, i).isNotEmpty();
      }
    }
    ObjectNode none = whole.deepCopy();
    none.putArray("tickets");
    rewrite(none);
    assertThat(check()).anyMatch(line -> line.contains("MLAPPROVAL-1 promoted, and is not here"));
    ObjectNode shorter = whole.deepCopy();
    ((ArrayNode) shorter.path("served")).remove(0);
    Files.writeString(file, shorter.toString());
    EvidenceFolder.sums(folder);
    assertThat(check()).anyMatch(line -> line.contains("not what the log says"));
  }

  /** As who has the folder and none of the keys would. */
  private void rewrite(JsonNode evidence) throws IOException {
    String card = EvidenceFolder.card(folder, MODEL, VERSION);
    Files.writeString(folder.resolve("evidence.json"), evidence.toString());
    Files.writeString(folder.resolve("index.html"), EvidencePage.html(evidence, card));
    EvidenceFolder.sums(folder);
  }

  private static void pointers(JsonNode node, String at, List<String> out) {
    if (node.isObject()) {
      node.properties().forEach(p -> pointers(p.getValue(), at + "/" + p.getKey(), out));
    } else if (node.isArray()) {
      for (int i = 0; i < node.size(); i++) {
        pointers(node.get(i), at + "/" + i, out);
      }
    } else {
      out.add(at);
    }
  }

  @Test
  void check_besideOtherHeadsOrKeys_doesNotHold() throws IOException {
    HeadFiles other = HeadFiles.open(dir.resolve("other"), HeadKey.open(dir.resolve("2")));
    other.append(Chains.headOf(chain.subList(0, 2)), Instant.parse("2026-11-24T10:00:00Z"));
    assertThat(EvidenceCheck.of(folder, dir.resolve("other"), null))
        .hasSize(11)
        .allMatch(line -> line.contains("none of the exported"));
    Path noKeys = dir.resolve("trust.json");
    Files.writeString(
        noKeys, "{\"keys\":[],\"revoked\":{\"keys\":[],\"versions\":[],\"digests\":[]}}");
    assertThat(EvidenceCheck.of(folder, null, noKeys)).isNotEmpty();
  }
}
