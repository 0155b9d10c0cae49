package io.apgms.ml.registry;

import java.time.Instant;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A request to train a model again; an approval ticket answers it.
 *
 * @param alert the rule that fired; null where a regulator asks
 * @param since when the alert began to fire; null where a regulator asks
 * @param dataset the labels there were
 * @param actor the bearer of the token that brought it
 * @param at the database's clock
 */
public record Retraining(
    long id,
    String model,
    Cause cause,
    @Nullable String alert,
    @Nullable Instant since,
    String reason,
    Dataset dataset,
    String actor,
    Instant at,
    UUID auditId) {
  private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

  /** Why, in the words of {@link Ticket.Trigger}. */
  public enum Cause {
    drift,
    budget,
    regulator
  }

  /**
   * The labels of a window as `feedback export` writes them.
   *
   * @param from inclusive
   * @param to exclusive
   * @param sha256 of the file, 64 hex digits
   */
  public record Dataset(Instant from, Instant to, long rows, String sha256) {
    public Dataset {
      if (!from.isBefore(to) || rows < 0 || !SHA256.matcher(sha256).matches()) {
        throw new RegistryException.Invalid(
            "a dataset of "
                + rows
                + " rows from "
                + from
                + " to "
                + to
                + ", expected a window that ends after it begins, and a SHA-256");
      }
    }
  }

  /** {@code MLRETRAIN-n}. */
  public String name() {
    return name(id);
  }

  static String name(long id) {
    return "MLRETRAIN-" + id;
  }
}
