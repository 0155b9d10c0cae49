package io.apgms.ml.gateway.cli;

import io.apgms.ml.gateway.cli.RollbackReport.Item;
import io.apgms.ml.gateway.cli.RollbackReport.Outcome;
import io.apgms.ml.gateway.incident.Sample;
import io.apgms.ml.registry.VerifiedArtifact;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Requests of one version as a replica's metrics count them.
 *
 * @param all since the start
 * @param bad errors of ours and rejections among them
 */
record RequestCounts(double all, double bad) {
  /** Reads Prometheus text. */
  static RequestCounts of(String metrics, VerifiedArtifact artifact) {
    double all = 0;
    double bad = 0;
    for (Sample sample : Sample.of(metrics)) {
      Map<String, String> labels = sample.labels();
      if (sample.name().equals("apgms_ml_inference_requests_total")
          && artifact.manifest().model().equals(labels.get("model"))
          && artifact.manifest().version().equals(labels.get("version"))) {
        all += sample.value();
        bad += Set.of("error", "rejected").contains(labels.get("outcome")) ? sample.value() : 0;
      }
    }
    return new RequestCounts(all, bad);
  }

  /** Whether the version's SLO was kept since: by the requests of the check and whatever came. */
  Item since(RequestCounts before, VerifiedArtifact artifact) {
    double requests = all - before.all;
    double wrong = bad - before.bad;
    double allowed = 1 - artifact.manifest().slo().availability();
    String measured =
        String.format(Locale.ROOT, "%.0f of %.0f requests went wrong meanwhile", wrong, requests);
    if (requests <= 0) {
      return new Item(
          "errors",
          Outcome.skipped,
          "this replica counted no request: does --api-url lead to another one?");
    }
    return wrong <= allowed * requests
        ? new Item("errors", Outcome.pass, measured)
        : new Item(
            "errors",
            Outcome.fail,
            measured + String.format(Locale.ROOT, ", expected at most %.2f %%", 100 * allowed));
  }
}
