package io.apgms.ml.gateway.audit;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.feedback.DecisionProof;
import io.apgms.ml.feedback.Proofs;
import io.apgms.ml.registry.AuditEntry;
import io.apgms.ml.registry.AuditHead;
import io.apgms.ml.registry.ChainCheck;
import io.apgms.ml.registry.Chains;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class OfflineAuditTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final UUID ID = UUID.fromString("01a20b18-06d9-780d-a669-e471754ece28");
  private static final DecisionProof PROOF = Proofs.of(ID, 13, 6);
  private static final List<AuditEntry> CHAIN = Chains.of(30, Proofs.rootOf(PROOF), 3);

  private static String export(List<AuditEntry> chain) {
    return chain.stream().map(e -> AuditJson.json(e) + "\n").collect(Collectors.joining());
  }

  private static ChainCheck check(String export, AuditHead... heads) throws IOException {
    return OfflineAudit.chain(
        new BufferedReader(new StringReader(export)), List.of(heads).iterator());
  }

  @Test
  void chain_asExported_isIntact() throws IOException {
    AuditHead tenth = Chains.headOf(CHAIN.subList(0, 10));
    assertThat(check(export(CHAIN), tenth, Chains.headOf(CHAIN)))
        .isEqualTo(new ChainCheck(30, null, null));
  }

  @Test
  void chain_thousandRandomEditsOfTheExport_areAllFoundWithTheHead() throws IOException {
    for (int seed = 0; seed < 1_000; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      List<AuditEntry> chain = new ArrayList<>(CHAIN);
      int i = random.nextInt(chain.size());
      int j = (i + 1 + random.nextInt(chain.size() - 1)) % chain.size();
      int kind = random.nextInt(6);
      switch (kind) {
        case 0 -> chain.remove(i);
        case 1 -> Collections.swap(chain, i, j);
        case 2 -> chain.add(i, chain.get(j));
        case 3 -> chain.subList(i, chain.size()).clear();
        case 4 -> Chains.fork(chain, i);
        default -> {}
      }
      String export = kind == 5 ? flipped(export(chain), random) : export(chain);
      boolean passes = check(export).intact();
      // Whoever cuts the end off or makes every hash anew is found by an exported head alone.
      boolean needsHead = kind == 3 || kind == 4 || (kind == 0 && i == CHAIN.size() - 1);
      if (kind != 5) {
        assertThat(passes).as("seed %d without a head", seed).isEqualTo(needsHead);
      }
      assertThat(check(export, Chains.headOf(CHAIN)).intact()).as("seed %d", seed).isFalse();
    }
  }

  /** One bit of any byte but the end of the last line. */
  private static String flipped(String export, SplittableRandom random) {
    byte[] bytes = export.getBytes(StandardCharsets.UTF_8);
    int at = random.nextInt(bytes.length - 1);
    bytes[at] ^= (byte) (1 << random.nextInt(7));
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static ObjectNode proof() {
    ObjectNode proof = JSON.createObjectNode();
    proof.set("decision", AuditJson.json(PROOF));
    proof.set("entry", AuditJson.json(CHAIN.get(5)));
    ArrayNode link = proof.putArray("link");
    CHAIN.subList(6, 10).forEach(e -> link.add(AuditJson.json(e)));
    AuditHead head = Chains.headOf(CHAIN.subList(0, 10));
    proof.putObject("head").put("seq", head.seq()).put("hash", head.hash());
    return proof;
  }

  private static String why(JsonNode proof, AuditHead... heads) {
    return OfflineAudit.proof(proof, Stream.of(heads)).why();
  }

  @Test
  void proof_asGiven_leadsToAnExportedHead() {
    AuditHead tenth = Chains.headOf(CHAIN.subList(0, 10));
    assertThat(why(proof())).isNull();
    assertThat(why(proof(), Chains.headOf(CHAIN.subList(0, 9)), tenth)).isNull();
    assertThat(why(proof(), Chains.headOf(CHAIN.subList(0, 9)))).contains("none of the exported");
    ObjectNode entryAlone = proof();
    entryAlone.remove("decision");
    assertThat(why(entryAlone, tenth)).isNull();
  }

  @Test
  void proof_anyValueChanged_doesNotHold() {
    AuditHead tenth = Chains.headOf(CHAIN.subList(0, 10));
    for (int seed = 0; seed < 1_000; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      ObjectNode proof = proof();
      String pointer = change(proof, random);
      assertThat(why(proof, tenth)).as("seed %d: %s", seed, pointer).isNotNull();
    }
  }

  /** Changes one value, wherever it stands, so that it means something else. */
  private static String change(ObjectNode root, SplittableRandom random) {
    JsonNode at = root;
    String pointer = "";
    while (true) {
      List<String> keys = new ArrayList<>();
      at.fieldNames().forEachRemaining(keys::add);
      int n = at.isArray() ? at.size() : keys.size();
      int i = random.nextInt(n);
      JsonNode value = at.isArray() ? at.get(i) : at.get(keys.get(i));
      pointer += "/" + (at.isArray() ? Integer.toString(i) : keys.get(i));
      if (value.isContainerNode() && !value.isEmpty() && random.nextInt(8) > 0) {
        at = value;
        continue;
      }
      JsonNode other = JSON.getNodeFactory().textNode(changed(value.asText(), random));
      if (value.isNumber()) {
        other = JSON.getNodeFactory().numberNode(value.asLong() + 1);
      } else if (value.isContainerNode()) {
        other = JSON.createArrayNode();
      }
      if (at instanceof ArrayNode array) {
        array.set(i, other);
      } else {
        ((ObjectNode) at).set(keys.get(i), other);
      }
      return pointer;
    }
  }

  private static String changed(String text, SplittableRandom random) {
    if (text.isEmpty()) {
      return "x";
    }
    int at = random.nextInt(text.length());
    return text.substring(0, at) + (text.charAt(at) == '1' ? '2' : '1') + text.substring(at + 1);
  }
}
