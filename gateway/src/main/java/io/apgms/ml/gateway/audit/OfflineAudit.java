package io.apgms.ml.gateway.audit;

import com.fasterxml.jackson.databind.JsonNode;
import io.apgms.ml.feedback.DecisionProof;
import io.apgms.ml.registry.AuditChain;
import io.apgms.ml.registry.AuditEntry;
import io.apgms.ml.registry.AuditHead;
import io.apgms.ml.registry.ChainCheck;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.Collections;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.stream.Stream;

/** Checks what was exported, with neither a service nor a database. */
public final class OfflineAudit {
  private OfflineAudit() {}

  /**
   * Checks an export, a line an entry.
   *
   * @param heads exported ones in their order; without any, a log that was cut or forked passes
   */
  public static ChainCheck chain(BufferedReader export, Iterator<AuditHead> heads)
      throws IOException {
    AuditChain chain = new AuditChain(heads);
    for (String line = export.readLine(); line != null; line = export.readLine()) {
      try {
        if (!chain.accept(AuditJson.entry(line))) {
          break;
        }
      } catch (IllegalArgumentException e) {
        long bad = chain.reached().seq() + 1;
        return new ChainCheck(bad - 1, bad, String.valueOf(e.getMessage()));
      }
    }
    return chain.end();
  }

  /** Whether a decision's bytes and paths lead to the root that an entry of the chain holds. */
  static boolean holds(AuditEntry entry, DecisionProof proof) {
    JsonNode detail = AuditJson.parse(entry.detail());
    try {
      return entry.action().equals("seal")
          && detail.path("batches").asInt() == proof.inSeal().size()
          && AuditJson.text(detail, "root").equals(HexFormat.of().formatHex(proof.root()))
          && proof.decision().id().equals(proof.id());
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  /**
   * What a proof shows.
   *
   * @param why it shows nothing; null where it holds
   * @param head that it leads to
   */
  public record Shown(@org.jspecify.annotations.Nullable String why, AuditHead head) {}

  /**
   * Follows a proof as the service's proof route gives it, up to the head it names.
   *
   * @param heads exported ones, of which that must be one; empty takes any
   */
  public static Shown proof(JsonNode proof, Stream<AuditHead> heads) {
    try {
      AuditEntry entry = AuditJson.entry(proof.path("entry"));
      JsonNode named = proof.path("head");
      AuditHead head = new AuditHead(named.path("seq").asLong(), AuditJson.hash(named, "hash"));
      JsonNode decision = proof.path("decision");
      if (!decision.isMissingNode() && !holds(entry, AuditJson.proof(decision, entry.seq()))) {
        return new Shown(
            "the decision does not lead to the root of audit seq " + entry.seq(), head);
      }
      AuditChain chain =
          new AuditChain(
              new AuditHead(entry.seq() - 1, entry.prevHash()), Collections.emptyIterator());
      chain.accept(entry);
      for (JsonNode e : proof.path("link")) {
        chain.accept(AuditJson.entry(e));
      }
      ChainCheck check = chain.end();
      if (!check.intact()) {
        return new Shown("audit seq " + check.firstBadSeq() + ": " + check.reason(), head);
      }
      if (!chain.reached().equals(head)) {
        return new Shown("the entries do not lead to head " + head.seq(), head);
      }
      Iterator<AuditHead> exported = heads.iterator();
      if (!exported.hasNext()) {
        return new Shown(null, head);
      }
      while (exported.hasNext()) {
        if (exported.next().equals(head)) {
          return new Shown(null, head);
        }
      }
      return new Shown("head " + head.seq() + " is none of the exported ones", head);
    } catch (IllegalArgumentException e) {
      return new Shown("it is no proof: " + e.getMessage(), AuditHead.EMPTY);
    }
  }
}
