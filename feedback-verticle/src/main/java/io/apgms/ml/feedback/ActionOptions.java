package io.apgms.ml.feedback;

import java.util.List;

/**
 * Where actions go.
 *
 * @param sinks 1 to 16, each id once
 * @param allowPrivate lets them be on loopback or private addresses
 * @param concurrency sends at once to one sink
 */
public record ActionOptions(
    List<ActionSink> sinks,
    WebhookSecrets secrets,
    boolean allowPrivate,
    int concurrency,
    ActionLease lease) {
  public ActionOptions {
    sinks = List.copyOf(sinks);
  }
}
