package io.apgms.ml.feedback;

import java.util.List;

/**
 * Where actions go.
 *
 * @param sinks 1 to 16, each id once
 * @param allowPrivate lets them be on loopback or private addresses
 * @param concurrency sends at once to one sink
 * @param tracing told of each attempt
 */
public record ActionOptions(
    List<ActionSink> sinks,
    WebhookSecrets secrets,
    boolean allowPrivate,
    int concurrency,
    ActionLease lease,
    SendTracing tracing) {
  public ActionOptions {
    sinks = List.copyOf(sinks);
  }

  /** Traces are carried on and not recorded. */
  public ActionOptions(
      List<ActionSink> sinks,
      WebhookSecrets secrets,
      boolean allowPrivate,
      int concurrency,
      ActionLease lease) {
    this(sinks, secrets, allowPrivate, concurrency, lease, SendTracing.CARRIED);
  }
}
