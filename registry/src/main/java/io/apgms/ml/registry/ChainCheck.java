package io.apgms.ml.registry;

import org.jspecify.annotations.Nullable;

/**
 * The outcome of checking the audit chain.
 *
 * @param intactRows rows from the first on that form an unbroken chain
 * @param firstBadSeq the first seq that is missing or wrong, null when the chain is intact
 * @param reason what is wrong with it, null when the chain is intact
 */
public record ChainCheck(long intactRows, @Nullable Long firstBadSeq, @Nullable String reason) {
  /** Whether nothing wrong was found. */
  public boolean intact() {
    return firstBadSeq == null;
  }
}
