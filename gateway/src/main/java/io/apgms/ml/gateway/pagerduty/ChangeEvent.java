package io.apgms.ml.gateway.pagerduty;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.mirror.JsonCalls;
import io.apgms.ml.registry.ChangeNotes.Note;
import java.util.List;

/**
 * A change event of PagerDuty's Events API v2: what was done, by whom and why, and the whole of it
 * in {@code custom_details}.
 *
 * @see <a href="https://developer.pagerduty.com/docs/send-change-event">its reference</a>
 */
final class ChangeEvent {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MAX_SUMMARY = 1_024;
  private static final List<String> DETAILS =
      List.of("revision", "from", "to", "version", "incident", "ticket", "ttlMs", "reason");

  private ChangeEvent() {}

  static ObjectNode of(Note note, String routingKey) {
    JsonNode detail = detail(note);
    ObjectNode event = JSON.createObjectNode().put("routing_key", routingKey);
    ObjectNode payload = event.putObject("payload");
    payload.put("summary", JsonCalls.cut(summary(note, detail), MAX_SUMMARY));
    payload.put("source", "ml-service");
    payload.put("timestamp", note.at().toString());
    ObjectNode details = payload.putObject("custom_details");
    details.put("action", note.action());
    details.put("model", note.subject());
    details.put("actor", note.actor());
    for (String key : DETAILS) {
      if (detail.has(key)) {
        details.set(key, detail.get(key));
      }
    }
    details.put("auditId", note.auditId().toString());
    return event;
  }

  private static JsonNode detail(Note note) {
    try {
      return JSON.readTree(note.detail());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("audit row " + note.seq() + " is no JSON", e);
    }
  }

  private static String summary(Note note, JsonNode detail) {
    String from = detail.path("from").asText("none");
    String to = detail.path("to").asText();
    String did =
        switch (note.action()) {
          case "promote" -> "promoted " + to + ", before it " + from;
          case "rollback" -> "rolled back from " + from + " to " + to;
          case "pin" -> "pinned to " + to;
          case "unpin" -> "unpinned, " + detail.path("version").asText() + " goes on";
          case "mode.force" -> "observe is forced";
          default -> "observe is forced no more";
        };
    String model = note.subject().equals("*") ? "every model" : note.subject();
    return model + ": " + did + ", by " + note.actor() + ": " + detail.path("reason").asText();
  }
}
