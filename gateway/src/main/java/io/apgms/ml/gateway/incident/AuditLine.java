package io.apgms.ml.gateway.incident;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.time.Instant;

/**
 * An entry of the audit log as far as an incident needs it: who acted and what was written freely
 * stay in the log.
 *
 * @param detail the entry's own JSON
 */
public record AuditLine(
    long seq, Instant at, String action, String subject, String id, JsonNode detail) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String EVERY_MODEL = "*";

  /** Reads an entry as {@code GET /admin/audit} gives it. */
  public static AuditLine of(JsonNode entry) {
    JsonNode detail = MissingNode.getInstance();
    try {
      detail = JSON.readTree(entry.path("detail").asText());
    } catch (JsonProcessingException e) {
      // its number still says where to look
    }
    return new AuditLine(
        entry.path("seq").asLong(),
        Instant.parse(entry.path("at").asText()),
        entry.path("action").asText(),
        entry.path("subject").asText(),
        entry.path("id").asText(),
        detail);
  }

  /** Whether it is of that model, of all, or of something that is no model's. */
  boolean concerns(String model) {
    boolean ofOne =
        switch (action) {
          case "bootstrap",
              "promote",
              "rollback",
              "pin",
              "unpin",
              "mode.force",
              "mode.lift",
              "cap" ->
              true;
          default -> false;
        };
    return !ofOne || subject.equals(model) || subject.equals(EVERY_MODEL);
  }

  String text(String field) {
    return detail.path(field).asText("");
  }

  /** What it says, without names and free text. */
  String what() {
    return switch (action) {
      case "promote", "rollback", "pin", "bootstrap" ->
          Words.text(
              "%s %s -> %s, revision %s",
              action, or(text("from"), "none"), text("to"), text("revision"));
      case "unpin" -> "unpin " + text("version");
      case "mode.force" ->
          "observe forced" + (subject.equals(EVERY_MODEL) ? " for every model" : "");
      case "mode.lift" ->
          "forced observe lifted" + (subject.equals(EVERY_MODEL) ? " for every model" : "");
      case "cap" -> "more holds a minute than ML_ACTION_CAP: observe for the rest";
      default -> subject.matches("MLAPPROVAL-[0-9]+") ? action + " of " + subject : action;
    };
  }

  static String or(String text, String otherwise) {
    return text.isEmpty() ? otherwise : text;
  }
}
