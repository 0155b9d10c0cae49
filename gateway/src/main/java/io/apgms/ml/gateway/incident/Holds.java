package io.apgms.ml.gateway.incident;

/**
 * Holds in force by one version in a window.
 *
 * @param more there are more than were read
 */
public record Holds(String version, long enforced, long labelled, boolean more) {
  long unlabelled() {
    return enforced - labelled;
  }
}
