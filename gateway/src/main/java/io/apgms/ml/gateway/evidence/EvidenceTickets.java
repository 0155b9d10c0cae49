package io.apgms.ml.gateway.evidence;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.registry.GateEvidence;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.ReplaySummary;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The tickets by which a version was promoted: what of them can be proved by the log, and whether
 * it is. A document (gates, replay) is proved by its digest, which the log holds.
 */
final class EvidenceTickets {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String ACTION = "ticket.";

  /** What a ticket says of itself that its entry in the log says too. */
  private static final List<String> HEAD =
      List.of("ticket", "modelId", "version", "manifestDigest", "trigger", "datasetSha256");

  private static final Map<String, String> SIGNOFF =
      Map.of(
          "activeVersion", "baseVersion",
          "thresholdsUnchanged", "thresholdsUnchanged",
          "changeReason", "changeReason",
          "namedAuditId", "auditId");

  private final JsonNode evidence;
  private final Map<String, JsonNode> entries;
  private final List<String> wrong = new ArrayList<>();
  private final Set<String> used = new HashSet<>();

  private EvidenceTickets(JsonNode evidence, Map<String, JsonNode> entries) {
    this.evidence = evidence;
    this.entries = entries;
  }

  /** Whether an entry of the log is of a ticket. */
  static boolean isTickets(JsonNode entry) {
    return entry.path("action").asText().startsWith(ACTION);
  }

  /** The entries of the log that a ticket, as the route gives it, consists of. */
  static List<String> auditIds(JsonNode ticket) {
    List<String> ids = new ArrayList<>();
    ids.add(ticket.path("auditId").asText());
    for (String part : List.of("evidence", "replays", "approvals")) {
      ticket.path(part).forEach(p -> ids.add(p.path("auditId").asText()));
    }
    if (ticket.has("closure")) {
      ids.add(ticket.at("/closure/auditId").asText());
    }
    return ids;
  }

  // ---- what is written -------------------------------------------------------------------------

  /**
   * Writes tickets into {@code evidence.json}.
   *
   * @param asShown as the route gives them
   * @param counted ids of the approvals that promotions counted
   */
  static void write(ArrayNode out, List<JsonNode> asShown, Set<String> counted) {
    for (JsonNode shown : asShown) {
      ObjectNode ticket = out.addObject();
      copy(shown, ticket, HEAD);
      copy(shown, ticket, List.of("author", "at", "reason", "auditId"));
      ArrayNode documents = ticket.putArray("evidence");
      List<String> signed = List.of("n", "digest", "author", "at", "auditId");
      for (JsonNode e : shown.path("evidence")) {
        ObjectNode one = documents.addObject();
        copy(e, one, signed);
        copy(e, one, List.of("policyDigest", "gates"));
      }
      ArrayNode replays = ticket.putArray("replays");
      for (JsonNode r : shown.path("replays")) {
        ObjectNode one = replays.addObject();
        copy(r, one, signed);
        copy(r, one, List.of("summary"));
      }
      ArrayNode approvals = ticket.putArray("approvals");
      for (JsonNode a : shown.path("approvals")) {
        ObjectNode one = approvals.addObject();
        copy(a, one, List.of("id", "kind", "gate", "actor", "at", "comment"));
        copy(a, one, List.of("manifestDigest", "evidenceDigest", "auditId"));
        copy(a, one, List.copyOf(SIGNOFF.keySet()));
        one.put("counted", counted.contains(a.path("id").asText()));
      }
      copy(shown, ticket, List.of("closure"));
    }
  }

  private static void copy(JsonNode from, ObjectNode to, List<String> fields) {
    for (String field : fields) {
      if (from.has(field)) {
        to.set(field, from.get(field));
      }
    }
  }

  /** The approvals that a promotion names. */
  static Set<String> counted(Iterable<JsonNode> entries) throws JsonProcessingException {
    Set<String> counted = new HashSet<>();
    for (JsonNode entry : entries) {
      if (entry.path("action").asText().equals("promote")) {
        detail(entry).path("approvals").forEach(id -> counted.add(id.asText()));
      }
    }
    return counted;
  }

  private static JsonNode detail(JsonNode entry) throws JsonProcessingException {
    return entry.has("detail")
        ? JSON.readTree(entry.path("detail").asText())
        : MissingNode.getInstance();
  }

  // ---- what is checked -------------------------------------------------------------------------

  /**
   * What the log does not say.
   *
   * @param evidence all of {@code evidence.json}
   * @param entries of the log, proved, by id
   */
  static List<String> wrong(JsonNode evidence, Map<String, JsonNode> entries)
      throws JsonProcessingException {
    EvidenceTickets check = new EvidenceTickets(evidence, entries);
    Map<String, JsonNode> promotions = new HashMap<>();
    for (JsonNode entry : entries.values()) {
      JsonNode detail = detail(entry);
      if (entry.path("action").asText().equals("promote")
          && detail.path("to").equals(evidence.path("modelVersion"))) {
        promotions.put(detail.path("ticket").asText(), detail);
      }
    }
    Set<String> counted = counted(entries.values());
    for (JsonNode ticket : evidence.path("tickets")) {
      JsonNode promotion = promotions.remove(ticket.path("ticket").asText());
      if (promotion == null) {
        check.wrong.add(ticket.path("ticket").asText() + " promoted nothing that is here");
      } else {
        check.ticket(ticket, promotion, counted);
      }
    }
    promotions.keySet().forEach(name -> check.wrong.add(name + " promoted, and is not here"));
    for (JsonNode entry : entries.values()) {
      if (isTickets(entry) && !check.used.contains(entry.path("id").asText())) {
        check.wrong.add("audit seq " + entry.path("seq").asText() + " is shown with no ticket");
      }
    }
    return check.wrong;
  }

  private void ticket(JsonNode ticket, JsonNode promotion, Set<String> counted)
      throws JsonProcessingException {
    String name = ticket.path("ticket").asText();
    JsonNode opened = step(name, name, ticket, "open", "author");
    same(name, "modelId", ticket, opened.path("model"));
    same(name, "version", ticket, opened.path("version"));
    same(name, "version", ticket, evidence.path("modelVersion"));
    same(name, "manifestDigest", ticket, evidence.path("digest"));
    for (String field : List.of("manifestDigest", "trigger", "datasetSha256", "reason")) {
      same(name, field, ticket, opened.path(field));
    }
    boolean followed = false;
    for (JsonNode e : ticket.path("evidence")) {
      gates(name, e);
      followed |= e.path("digest").equals(promotion.path("evidenceDigest"));
    }
    if (!followed) {
      wrong.add(name + ": the evidence that the promotion followed is not here");
    }
    for (JsonNode r : ticket.path("replays")) {
      replay(name, r);
    }
    Set<String> shown = new HashSet<>();
    for (JsonNode a : ticket.path("approvals")) {
      approval(name, a, counted);
      shown.add(a.path("id").asText());
    }
    for (JsonNode id : promotion.path("approvals")) {
      if (!shown.contains(id.asText())) {
        wrong.add(name + ": approval " + id.asText() + " counted, and is not here");
      }
    }
    if (ticket.has("closure")) {
      JsonNode closure = ticket.path("closure");
      JsonNode detail = step(name, name + " closure", closure, "close", "actor");
      for (String field : List.of("outcome", "commit", "reason")) {
        same(name + " closure", field, closure, detail.path(field));
      }
    }
  }

  private void gates(String name, JsonNode e) throws JsonProcessingException {
    String what = name + " evidence " + e.path("n").asText();
    JsonNode detail = step(name, what, e, "evidence", "author");
    same(what, "n", e, detail.path("n"));
    same(what, "digest", e, detail.path("evidenceDigest"));
    ObjectNode document = JSON.createObjectNode();
    document.set("model", evidence.path("modelId"));
    document.set("version", evidence.path("modelVersion"));
    document.set("manifestDigest", evidence.path("digest"));
    document.set("policyDigest", e.path("policyDigest"));
    document.set("results", e.path("gates"));
    String digest;
    try {
      digest = GateEvidence.parse(bytes(document)).digest();
    } catch (RegistryException none) {
      digest = "no document of the gates";
    }
    if (!digest.equals(e.path("digest").asText())) {
      wrong.add(what + ": what the gates said has " + digest);
    }
  }

  private void replay(String name, JsonNode r) throws JsonProcessingException {
    String what = name + " replay " + r.path("n").asText();
    JsonNode detail = step(name, what, r, "replay", "author");
    same(what, "n", r, detail.path("n"));
    same(what, "digest", r, detail.path("replayDigest"));
    String digest;
    try {
      digest = ReplaySummary.parse(bytes(r.path("summary"))).documentDigest();
    } catch (RegistryException none) {
      digest = "no summary of a replay";
    }
    if (!digest.equals(r.path("digest").asText())) {
      wrong.add(what + ": its summary has " + digest);
    }
  }

  private void approval(String name, JsonNode a, Set<String> counted)
      throws JsonProcessingException {
    String what = name + " approval " + a.path("id").asText();
    JsonNode detail = step(name, what, a, a.path("kind").asText(), "actor");
    same(what, "id", a, detail.path("approval"));
    same(what, "comment", a, detail.path("reason"));
    for (String field : List.of("gate", "manifestDigest", "evidenceDigest")) {
      same(what, field, a, detail.path(field));
    }
    for (Map.Entry<String, String> field : SIGNOFF.entrySet()) {
      same(what, field.getKey(), a, detail.path(field.getValue()));
    }
    String counts = Boolean.toString(counted.contains(a.path("id").asText()));
    if (!a.path("counted").asText().equals(counts)) {
      wrong.add(what + ": counted is not what the promotion says");
    }
  }

  /** The detail of the entry that a part of a ticket names, once it is of that step and person. */
  private JsonNode step(String ticket, String what, JsonNode part, String step, String person)
      throws JsonProcessingException {
    JsonNode entry = entries.get(part.path("auditId").asText());
    if (entry == null
        || !entry.path("action").asText().equals(ACTION + step)
        || !entry.path("subject").asText().equals(ticket)
        || !used.add(part.path("auditId").asText())) {
      wrong.add(what + ": no entry of its own in the log");
      return MissingNode.getInstance();
    }
    same(what, person, part, entry.path("actor"));
    same(what, "at", part, entry.path("at"));
    return detail(entry);
  }

  /** Missing, null and empty are one here: a route leaves out what the log has as null. */
  private void same(String what, String field, JsonNode part, JsonNode told) {
    if (!text(part.path(field)).equals(text(told))) {
      wrong.add(what + ": " + field + " is not what the log says");
    }
  }

  private static String text(JsonNode node) {
    return node.isNull() ? "" : node.asText();
  }

  private static byte[] bytes(JsonNode node) {
    return node.toString().getBytes(StandardCharsets.UTF_8);
  }
}
