package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.sqlclient.SqlConnection;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Puts pseudonyms in the place of what decisions and labels say of a person; the rows stay.
 * Identifiers, notes, metadata and groups are replaced in the tables and, by shipping and rewriting
 * it, in this replica's spool.
 */
public final class Redactions {
  /** What the caller's log calls a round. */
  public static final String ACTION = "feedback.redact";

  private final Vertx vertx;
  private final Spool spool;
  private final Shipper shipper;
  private final Path keys;
  private final Duration bound;

  Redactions(Vertx vertx, Spool spool, Shipper shipper, FeedbackOptions options) {
    this.vertx = vertx;
    this.spool = spool;
    this.shipper = shipper;
    this.keys = options.redactionKeys();
    this.bound = Duration.ofMillis(options.timeoutMs());
  }

  /**
   * Whose rows: exactly one of the three is given.
   *
   * @param predictionIds at most 500
   */
  public record Person(
      @Nullable String entityId, List<UUID> predictionIds, @Nullable String submittedBy) {
    public Person {
      predictionIds = List.copyOf(predictionIds);
    }
  }

  /** An export that holds rows of the person: its file is the operators' to remove. */
  public record Export(
      UUID id, Instant at, String actor, Instant from, Instant to, @Nullable String modelId) {}

  /**
   * What was replaced, or would be.
   *
   * @param altered decisions that were not what was stored, before: their proofs go on saying so
   * @param leafRoot in hex, over the decisions as they are since; null where none has a proof
   * @param more whether rows are left: the same again goes on
   */
  public record Round(
      UUID id,
      int decisions,
      int labels,
      int requests,
      int altered,
      @Nullable String leafRoot,
      boolean more,
      List<Export> exports) {
    public Round {
      exports = List.copyOf(exports);
    }
  }

  /** Counts what would be replaced. */
  public Future<Round> look(SqlConnection c, Person person) {
    return new RedactionRound(c, new PseudonymKeys(keys), person).look();
  }

  /**
   * Replaces at most 500 decisions with their labels, or 500 labels.
   *
   * @param c in a transaction, rolled back when this fails
   * @param append writes the round into the caller's log, in the same transaction, and gives its
   *     seq
   */
  public Future<Round> redact(
      SqlConnection c, Person person, Function<Round, Future<Long>> append) {
    return new RedactionRound(c, new PseudonymKeys(keys), person).redact(append);
  }

  /**
   * Ships what waits in the spool, so that the tables hold it; Unavailable where that takes long.
   */
  public Future<Void> ship() {
    return vertx.executeBlocking(
        () -> {
          if (!shipper.flush(bound)) {
            throw new FeedbackException.Unavailable(
                "decisions wait in the spool, expected none before a redaction", null);
          }
          return null;
        },
        false);
  }

  /** Rewrites the spool's files, so that what was shipped is in none of them any more. */
  public Future<Void> rewriteSpool() {
    return vertx.executeBlocking(
        () -> {
          spool.rewrite();
          return null;
        },
        false);
  }

  /** Details of a round for the log: no identifier is in it. */
  public static Map<String, Object> detail(Round round) {
    Map<String, Object> detail = new HashMap<>();
    detail.put("decisions", round.decisions());
    detail.put("labels", round.labels());
    detail.put("requests", round.requests());
    detail.put("altered", round.altered());
    if (round.leafRoot() != null) {
      detail.put("leafRoot", round.leafRoot());
    }
    return detail;
  }
}
