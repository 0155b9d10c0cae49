package io.apgms.ml.gateway.audit;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.feedback.DecisionLog;
import io.apgms.ml.feedback.FeedbackException;
import io.apgms.ml.feedback.Redactions;
import io.apgms.ml.registry.AuditChain;
import io.apgms.ml.registry.AuditEntry;
import io.apgms.ml.registry.AuditHead;
import io.apgms.ml.registry.AuditLog;
import io.apgms.ml.registry.RegistryException;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * That a decision or an audit entry is what it was: the way from its bytes to a head of the chain,
 * an exported one where there is one already. Made and checked before it is handed out.
 */
public final class AuditProofs {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Vertx vertx;
  private final AuditLog audit;
  private final @Nullable DecisionLog log;
  private final HeadFiles heads;

  public AuditProofs(Vertx vertx, AuditLog audit, @Nullable DecisionLog log, HeadFiles heads) {
    this.vertx = vertx;
    this.audit = audit;
    this.log = log;
    this.heads = heads;
  }

  /** Of a prediction id, a UUID of version 7, or of an audit id. */
  public Future<ObjectNode> of(UUID id) {
    return id.version() == 7 && log != null
        ? log.proof(id)
            .compose(
                proof ->
                    audit
                        .find(proof.seal())
                        .compose(
                            entry -> {
                              if (!OfflineAudit.holds(entry, proof)) {
                                throw new FeedbackException.Altered(
                                    "prediction "
                                        + id
                                        + " does not lead to the root of audit seq "
                                        + entry.seq());
                              }
                              ObjectNode out = JSON.createObjectNode();
                              out.set("decision", AuditJson.json(proof));
                              return linked(out, entry);
                            }))
            .recover(
                e ->
                    e instanceof FeedbackException.Redacted redacted
                        ? redacted(redacted)
                        : Future.failedFuture(e))
        : audit.find(id).compose(entry -> linked(JSON.createObjectNode(), entry));
  }

  /** Of the row as it was no one can show the bytes; of the row as it is, the log says so. */
  private Future<ObjectNode> redacted(FeedbackException.Redacted e) {
    return audit
        .find(e.seq())
        .compose(
            entry ->
                Future.failedFuture(
                    entry.action().equals(Redactions.ACTION)
                            && entry.detail().contains("\"leafRoot\":\"" + e.leafRoot() + "\"")
                        ? new RegistryException.Conflict(
                            e.getMessage()
                                + ", see audit id "
                                + entry.id()
                                + ": it is what that redaction left")
                        : new FeedbackException.Altered(
                            e.getMessage()
                                + ", and is not what audit seq "
                                + entry.seq()
                                + " says that was left of it")));
  }

  private Future<ObjectNode> linked(ObjectNode out, AuditEntry entry) {
    out.set("entry", AuditJson.json(entry));
    return vertx
        .executeBlocking(() -> heads.covering(entry.seq()))
        .compose(
            head ->
                audit
                    .list(entry.seq(), AuditLog.MAX_PAGE)
                    .map(after -> linked(out, entry, after, head)));
  }

  private static ObjectNode linked(
      ObjectNode out, AuditEntry entry, List<AuditEntry> after, Optional<SignedHead> exported) {
    long end = exported.map(h -> h.head().seq()).orElse(Long.MAX_VALUE);
    AuditChain chain =
        new AuditChain(
            new AuditHead(entry.seq() - 1, entry.prevHash()), Collections.emptyIterator());
    chain.accept(entry);
    ArrayNode link = out.putArray("link");
    after.stream()
        .filter(e -> e.seq() <= end && chain.accept(e))
        .forEach(e -> link.add(AuditJson.json(e)));
    AuditHead reached = chain.reached();
    Optional<SignedHead> covering = exported.filter(h -> h.head().seq() == reached.seq());
    if (!chain.end().intact() || covering.filter(h -> !h.head().equals(reached)).isPresent()) {
      throw new RegistryException.Conflict(
          "audit seq " + entry.seq() + " does not lead to the exported head, run audit verify");
    }
    out.putObject("head")
        .put("seq", reached.seq())
        .put("hash", reached.hash())
        .put("exportedAt", covering.map(h -> h.at().toString()).orElse(null))
        .put("signature", covering.map(SignedHead::signature).orElse(null));
    return out;
  }
}
