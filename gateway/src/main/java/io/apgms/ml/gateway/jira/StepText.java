package io.apgms.ml.gateway.jira;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.registry.Ticket;
import io.apgms.ml.registry.TicketMirror.Step;

/** Steps of a ticket in words. */
final class StepText {
  private static final ObjectMapper JSON = new ObjectMapper();

  private StepText() {}

  static String opened(Ticket t) {
    return String.join(
        "\n",
        t.reason(),
        "Model " + t.model() + ", version " + t.version() + ", opened by " + t.author(),
        "Trigger: " + t.trigger(),
        "Manifest " + t.manifestDigest(),
        "Dataset snapshot sha256:" + t.datasetSha256(),
        "Trainer commit " + t.gitCommit(),
        "Audit " + t.auditId());
  }

  /** The audit row, a line a value. */
  static String of(Step step) {
    StringBuilder text = new StringBuilder(step.action() + " by " + step.actor());
    try {
      for (var field : JSON.readTree(step.detail()).properties()) {
        JsonNode value = field.getValue();
        text.append('\n').append(field.getKey()).append(": ");
        text.append(value.isTextual() ? value.textValue() : value.toString());
      }
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("audit row " + step.seq() + " is no JSON", e);
    }
    return text + "\nAudit " + step.auditId();
  }
}
