package io.apgms.ml.gateway.audit;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.feedback.DecisionProof;
import io.apgms.ml.registry.AuditEntry;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;

/**
 * Audit entries and proofs as JSON. One spelling for each: what is read must be spelt as it would
 * be written, so that no byte of an exported line can be another.
 */
public final class AuditJson {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
  private static final int MAX_PATH = 32;
  private static final Instant LAST = Instant.parse("9999-12-31T23:59:59.999999Z");

  private AuditJson() {}

  public static ObjectNode json(AuditEntry e) {
    return JSON.createObjectNode()
        .put("seq", e.seq())
        .put("id", e.id().toString())
        .put("at", e.at().toString())
        .put("actor", e.actor())
        .put("action", e.action())
        .put("subject", e.subject())
        .put("detail", e.detail())
        .put("prevHash", e.prevHash())
        .put("hash", e.hash());
  }

  /**
   * Reads one line of an export.
   *
   * @throws IllegalArgumentException for what {@link #json(AuditEntry)} would not write
   */
  public static AuditEntry entry(String line) {
    AuditEntry entry = entry(parse(line));
    if (!json(entry).toString().equals(line)) {
      throw new IllegalArgumentException("an entry is not spelt as it is exported");
    }
    return entry;
  }

  /** As {@link #entry(String)}, of an answer of the service: the order of its fields is free. */
  public static AuditEntry entry(JsonNode in) {
    try {
      return new AuditEntry(
          in.path("seq").asLong(),
          UUID.fromString(text(in, "id")),
          time(in),
          text(in, "actor"),
          text(in, "action"),
          text(in, "subject"),
          text(in, "detail"),
          hash(in, "prevHash"),
          hash(in, "hash"));
    } catch (DateTimeException e) {
      throw new IllegalArgumentException("an entry's time is none", e);
    }
  }

  private static Instant time(JsonNode in) {
    Instant at = Instant.parse(text(in, "at"));
    if (at.isBefore(Instant.EPOCH) || at.isAfter(LAST)) { // beyond, microseconds overflow
      throw new IllegalArgumentException("an entry's time is " + at + ", expected 1970 to 9999");
    }
    return at;
  }

  static JsonNode parse(String line) {
    try {
      return JSON.readTree(line);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("a line is no JSON: " + e.getOriginalMessage(), e);
    }
  }

  static String text(JsonNode in, String field) {
    JsonNode value = in.path(field);
    if (!value.isTextual()) {
      throw new IllegalArgumentException("field " + field + " is missing, expected text");
    }
    return value.textValue();
  }

  static String hash(JsonNode in, String field) {
    String hash = text(in, field);
    if (!hash.matches("[0-9a-f]{64}")) {
      throw new IllegalArgumentException("field " + field + " is no SHA-256 in lower-case hex");
    }
    return hash;
  }

  static ObjectNode json(DecisionProof proof) {
    ObjectNode out =
        JSON.createObjectNode()
            .put("predictionId", proof.id().toString())
            .put("data", HexFormat.of().formatHex(proof.leaf()));
    out.set("inBatch", json(proof.inBatch()));
    out.set("inSeal", json(proof.inSeal()));
    return out;
  }

  private static ObjectNode json(DecisionProof.Place place) {
    ObjectNode out = JSON.createObjectNode().put("index", place.index()).put("size", place.size());
    ArrayNode path = out.putArray("path");
    place.path().forEach(hash -> path.add(HexFormat.of().formatHex(hash)));
    return out;
  }

  static DecisionProof proof(JsonNode in, long seal) {
    return new DecisionProof(
        UUID.fromString(text(in, "predictionId")),
        HexFormat.of().parseHex(text(in, "data")),
        place(in.path("inBatch")),
        place(in.path("inSeal")),
        seal);
  }

  private static DecisionProof.Place place(JsonNode in) {
    List<byte[]> path = new ArrayList<>();
    for (JsonNode hash : in.path("path")) {
      path.add(HexFormat.of().parseHex(hash.asText()));
      if (path.size() > MAX_PATH || path.get(path.size() - 1).length != 32) {
        throw new IllegalArgumentException("a path is none, expected at most 32 SHA-256");
      }
    }
    return new DecisionProof.Place(in.path("index").asInt(-1), in.path("size").asInt(), path);
  }
}
