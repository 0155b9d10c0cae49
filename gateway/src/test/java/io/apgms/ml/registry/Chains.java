package io.apgms.ml.registry;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Audit chains without a database. */
public final class Chains {
  private Chains() {}

  /** A chain of that many entries; one in three is the seal of a root. */
  public static List<AuditEntry> of(int rows, String root, int batches) {
    AuditRecord[] records = new AuditRecord[rows];
    for (int i = 1; i <= rows; i++) {
      records[i - 1] =
          i % 3 == 0
              ? new AuditRecord(
                  "system", "seal", "decisions", Map.of("root", root, "batches", batches))
              : new AuditRecord("ann ü", "rollback", "risk-score", Map.of("n", i));
    }
    return of(records);
  }

  /** A chain of these, ten microseconds after each other. */
  public static List<AuditEntry> of(AuditRecord... records) {
    List<AuditEntry> chain = new ArrayList<>();
    AuditHead head = AuditHead.EMPTY;
    Instant at = Instant.parse("2026-11-23T00:00:00.00001Z");
    for (AuditRecord record : records) {
      chain.add(AuditChain.next(head, new UUID(7, chain.size() + 1), at, record));
      head = headOf(chain);
      at = at.plusNanos(10_000);
    }
    return chain;
  }

  public static AuditHead headOf(List<AuditEntry> chain) {
    AuditEntry last = chain.get(chain.size() - 1);
    return new AuditHead(last.seq(), last.hash());
  }

  /** Another actor in one entry, and every hash from there on made to fit. */
  public static void fork(List<AuditEntry> chain, int from) {
    for (int i = from; i < chain.size(); i++) {
      AuditEntry e = chain.get(i);
      AuditEntry open =
          new AuditEntry(
              e.seq(),
              e.id(),
              e.at(),
              i == from ? "bob" : e.actor(),
              e.action(),
              e.subject(),
              e.detail(),
              i == 0 ? e.prevHash() : chain.get(i - 1).hash(),
              "");
      chain.set(i, AuditChain.withHash(open, AuditChain.hash(open)));
    }
  }
}
