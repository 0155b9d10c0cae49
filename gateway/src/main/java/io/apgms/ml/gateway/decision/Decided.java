package io.apgms.ml.gateway.decision;

import io.apgms.ml.flags.Mode;
import java.util.UUID;

/**
 * A decision that is durable and may be answered.
 *
 * @param score rounded to six decimals
 * @param review whether the score reached the threshold
 * @param enforced whether the hold is in force
 */
public record Decided(
    UUID id,
    String modelId,
    String modelVersion,
    double score,
    double threshold,
    boolean review,
    boolean enforced,
    Mode mode) {}
