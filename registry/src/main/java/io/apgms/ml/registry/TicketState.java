package io.apgms.ml.registry;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * All that is known of a ticket, of one snapshot.
 *
 * @param evidence in order; the last counts
 * @param replays in order
 * @param approvals in order, with those that count no more
 * @param promoted the revision it made; null where it has made none
 * @param issueKey its issue in Jira; null where it has none, or none yet
 * @param at the database's clock when it was read
 */
public record TicketState(
    Ticket ticket,
    List<TicketEvidence> evidence,
    List<TicketReplay> replays,
    List<Approval> approvals,
    @Nullable Closure closure,
    @Nullable Integer promoted,
    @Nullable String issueKey,
    Instant at) {
  public TicketState {
    evidence = List.copyOf(evidence);
    replays = List.copyOf(replays);
    approvals = List.copyOf(approvals);
  }

  /**
   * How it ended.
   *
   * @param commit that carries the promotion; null for a rejected one
   */
  public record Closure(
      Outcome outcome,
      @Nullable String commit,
      String actor,
      Instant at,
      String reason,
      UUID auditId) {}

  /** Whether the candidate became active. */
  public enum Outcome {
    promoted,
    rejected
  }

  /** The evidence that counts. */
  public Optional<TicketEvidence> newest() {
    return evidence.isEmpty() ? Optional.empty() : Optional.of(evidence.get(evidence.size() - 1));
  }

  /** Why an approval does not count at {@code at}; null where it does. */
  public @Nullable String voided(Approval a) {
    if (a.withdrawn() != null) {
      return "withdrawn at " + a.withdrawn();
    }
    if (!a.bound().manifestDigest().equals(ticket.manifestDigest())) {
      return "of another manifest, " + a.bound().manifestDigest();
    }
    TicketEvidence last = newest().orElse(null);
    if (last == null
        || last.n() != a.bound().evidence()
        || !last.digest().equals(a.bound().evidenceDigest())) {
      return "of evidence " + a.bound().evidence() + ", which is not the newest";
    }
    return a.expiresAt().isAfter(at) ? null : "expired at " + a.expiresAt();
  }

  /** The approvals that count at {@code at}. */
  public Stream<Approval> valid() {
    return approvals.stream().filter(a -> voided(a) == null);
  }

  /** Who opened it or brought evidence. */
  public Set<String> authors() {
    Set<String> authors = new TreeSet<>();
    authors.add(ticket.author());
    evidence.forEach(e -> authors.add(e.author()));
    return authors;
  }
}
