package io.apgms.ml.gateway.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.cli.RollbackReport.Item;
import io.apgms.ml.gateway.cli.RollbackReport.Outcome;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Holds in force by the version that a rollback left, of which nobody has said yet whether they
 * were right: the feedback that was missed meanwhile.
 */
final class UnlabelledHolds {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int PAGE = 500;

  private final @Nullable Left left;
  private final List<String> ids = new ArrayList<>();
  private boolean more;
  private @Nullable String failure;

  /** A version, and when it was left (RFC 3339). */
  record Left(String version, String at) {}

  private UnlabelledHolds(@Nullable Left left) {
    this.left = left;
  }

  /** Asks the service: at most 10,000 holds and as many labels, the newest. */
  static UnlabelledHolds find(LiveModel live, @Nullable Left left) throws InterruptedException {
    UnlabelledHolds found = new UnlabelledHolds(left);
    if (left != null) {
      try {
        found.read(live, left);
      } catch (Failure e) {
        found.failure = e.getMessage();
      }
    }
    return found;
  }

  private void read(LiveModel live, Left left) throws InterruptedException {
    String of = "?modelId=" + live.model() + "&modelVersion=" + left.version() + "&limit=" + PAGE;
    Set<String> labelled = new HashSet<>(list(live, "/ml/feedback" + of, "feedback"));
    String holds = "/ml/predictions" + of + "&enforced=true&to=" + left.at();
    for (String id : list(live, holds, "predictions")) {
      if (!labelled.contains(id)) {
        ids.add(id);
      }
    }
  }

  private List<String> list(LiveModel live, String path, String items) throws InterruptedException {
    List<String> found = new ArrayList<>();
    more |= live.list(path, items, item -> found.add(item.path("predictionId").asText()));
    return found;
  }

  List<String> ids() {
    return List.copyOf(ids);
  }

  /** Work that is left is no failure of the rollback. */
  Item item() {
    if (left == null) {
      return new Item("feedback", Outcome.skipped, "the active version came by no rollback or pin");
    }
    if (failure != null) {
      return new Item("feedback", Outcome.fail, failure);
    }
    return new Item(
        "feedback",
        Outcome.pass,
        ids.size()
            + (more ? " or more" : "")
            + " hold(s) in force by "
            + left.version()
            + " without a label"
            + (ids.isEmpty() ? "" : ", to be labelled by `feedback backfill`"));
  }

  /** One line a hold for {@code feedback backfill}, the verdict left to be filled in. */
  List<String> lines(String model) {
    List<String> lines = new ArrayList<>();
    for (String id : ids) {
      ObjectNode line = JSON.createObjectNode().put("predictionId", id).put("modelId", model);
      line.put("modelVersion", left == null ? "" : left.version());
      line.put("label", "").put("source", "OPERATOR").put("submittedBy", "");
      lines.add(line.toString());
    }
    return lines;
  }
}
