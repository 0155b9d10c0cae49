package io.apgms.ml.feedback;

import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** One transaction of a redaction. */
final class RedactionRound {
  /** Decisions, or labels, of one round. */
  static final int MAX_ROWS = 500;

  private static final int MAX_LABELS = 20 * MAX_ROWS; // of the decisions of one round
  static final int MAX_EXPORTS = 500;
  private static final Pattern MEMBER =
      Pattern.compile("(\"(?:[^\"\\\\]|\\\\.)*\"):\"((?:[^\"\\\\]|\\\\.)*)\"");

  private final SqlConnection c;
  private final PseudonymKeys keys;
  private final Redactions.Person person;
  private final UUID id = UUID.randomUUID();
  private final List<Row> decisions = new ArrayList<>();
  private final List<Row> labels = new ArrayList<>();
  private final List<UUID> proved = new ArrayList<>();
  private final Map<UUID, byte[]> leaves = new LinkedHashMap<>();
  private final List<Redactions.Export> exports = new ArrayList<>();
  private int altered;
  private boolean more;

  RedactionRound(SqlConnection c, PseudonymKeys keys, Redactions.Person person) {
    this.c = c;
    this.keys = keys;
    this.person = person;
  }

  Future<Redactions.Round> look() {
    return find("").map(v -> round(null));
  }

  Future<Redactions.Round> redact(Function<Redactions.Round, Future<Long>> append) {
    return find(" FOR UPDATE OF ")
        .compose(v -> replaceDecisions())
        .compose(v -> replaceRequests())
        .compose(v -> replaceLabels())
        .compose(v -> readLeaves())
        .compose(
            v -> {
              Redactions.Round round = round(root());
              return decisions.isEmpty() && labels.isEmpty()
                  ? Future.succeededFuture(round)
                  : append.apply(round).compose(this::note).map(round);
            });
  }

  private Redactions.Round round(@Nullable String root) {
    int requests = (int) decisions.stream().filter(d -> d.getString("request_id") != null).count();
    return new Redactions.Round(
        id, decisions.size(), labels.size(), requests, altered, root, more, exports);
  }

  // ---- what is there ----------------------------------------------------------------------------

  private Future<Void> find(String lock) {
    String submittedBy = person.submittedBy();
    return (submittedBy == null ? findDecisions(lock) : labelsBy(submittedBy, lock))
        .compose(v -> findExports());
  }

  private Future<Void> findDecisions(String lock) {
    String entity = person.entityId();
    String by = entity == null ? "d.id = ANY($1)" : "d.entity_id = $1";
    Tuple value =
        entity == null
            ? Tuple.tuple().addArrayOfUUID(person.predictionIds().toArray(UUID[]::new))
            : Tuple.of(entity);
    return c.preparedQuery(
            RedactionSql.DECISIONS
                + by
                + RedactionSql.FRESH
                + " ORDER BY d.id LIMIT "
                + MAX_ROWS
                + (lock.isEmpty() ? "" : lock + "d"))
        .execute(value)
        .compose(
            rows -> {
              rows.forEach(decisions::add);
              more = decisions.size() == MAX_ROWS;
              return labelsOn(entity == null ? person.predictionIds() : ids(), lock);
            });
  }

  private List<UUID> ids() {
    return decisions.stream().map(d -> d.getUUID("id")).toList();
  }

  private Future<Void> labelsOn(List<UUID> predictions, String lock) {
    return c.preparedQuery(
            RedactionSql.LABELS
                + "l.redaction IS NULL AND l.prediction_id = ANY($1) ORDER BY l.id LIMIT "
                + MAX_LABELS
                + (lock.isEmpty() ? "" : lock + "l"))
        .execute(Tuple.tuple().addArrayOfUUID(predictions.toArray(UUID[]::new)))
        .map(this::keep);
  }

  private Future<Void> labelsBy(String submittedBy, String lock) {
    return c.preparedQuery(
            RedactionSql.LABELS
                + "(l.submitted_by = $1 OR l.key_scope = $1 OR l.key_scope = $2)"
                + " ORDER BY l.id LIMIT "
                + MAX_ROWS
                + (lock.isEmpty() ? "" : lock + "l"))
        .execute(Tuple.of(submittedBy, Backfill.scope(submittedBy)))
        .map(
            rows -> {
              more = rows.size() == MAX_ROWS;
              return keep(rows);
            });
  }

  private Void keep(RowSet<Row> rows) {
    rows.forEach(labels::add);
    return null;
  }

  private Future<Void> findExports() {
    return c.preparedQuery(RedactionSql.EXPORTS)
        .execute(
            Tuple.tuple()
                .addArrayOfUUID(labels.stream().map(l -> l.getUUID("id")).toArray(UUID[]::new))
                .addArrayOfString(
                    labels.stream().map(l -> l.getString("model_id")).toArray(String[]::new)))
        .map(
            rows -> {
              for (Row row : rows) {
                exports.add(
                    new Redactions.Export(
                        row.getUUID("id"),
                        row.getOffsetDateTime("at").toInstant(),
                        row.getString("actor"),
                        at(row.getUUID("from_id")),
                        at(row.getUUID("to_id")),
                        row.getString("model_id")));
              }
              return null;
            });
  }

  private static Instant at(UUID id) {
    return Instant.ofEpochMilli(Decision.ms(id));
  }

  // ---- what takes its place ---------------------------------------------------------------------

  private Future<Void> replaceDecisions() {
    if (decisions.isEmpty()) {
      return Future.succeededFuture();
    }
    decisions.forEach(this::judge);
    return c.preparedQuery(RedactionSql.REPLACE_DECISIONS)
        .execute(
            Tuple.tuple()
                .addArrayOfUUID(ids().toArray(UUID[]::new))
                .addArrayOfString(texts(d -> person(d.getUUID("id"), d.getString("entity_id"))))
                .addArrayOfString(
                    texts(d -> pseudonym(d.getUUID("id"), "request", d.getString("request_id"))))
                .addArrayOfString(texts(d -> groups(d.getUUID("id"), d.getString("groups")))))
        .compose(
            v ->
                c.preparedQuery(RedactionSql.REORDER)
                    .execute(Tuple.tuple().addArrayOfUUID(ids().toArray(UUID[]::new))))
        .mapEmpty();
  }

  /** Only of a row that is what was stored may it be said what was left of it. */
  private void judge(Row d) {
    Buffer stored = d.getBuffer("stored");
    if (stored == null) {
      return; // it has no proof
    }
    byte[] now = MerkleTree.leafHash(d.getBuffer("data").getBytes());
    if (Arrays.equals(now, stored.getBytes())) {
      proved.add(d.getUUID("id"));
    } else {
      altered++;
    }
  }

  private String[] texts(Function<Row, @Nullable String> of) {
    return decisions.stream().map(of).toArray(String[]::new);
  }

  private @Nullable String person(UUID prediction, @Nullable String name) {
    return pseudonym(prediction, "person", name);
  }

  private @Nullable String pseudonym(UUID prediction, String kind, @Nullable String text) {
    return text == null ? null : keys.pseudonym(PseudonymKeys.period(prediction), kind, text);
  }

  /** Names of groups stay; values of one person tell nothing of those of another. */
  private @Nullable String groups(UUID prediction, @Nullable String json) {
    if (json == null) {
      return null;
    }
    Matcher members = MEMBER.matcher(json);
    StringBuilder out = new StringBuilder("{");
    while (members.find()) {
      out.append(out.length() == 1 ? "" : ",")
          .append(members.group(1))
          .append(":\"")
          .append(pseudonym(prediction, "group " + prediction, members.group()))
          .append('"');
    }
    return out.append('}').toString();
  }

  private Future<Void> replaceRequests() {
    List<Row> named = decisions.stream().filter(d -> d.getString("request_id") != null).toList();
    if (named.isEmpty()) {
      return Future.succeededFuture();
    }
    return c.preparedQuery(RedactionSql.REPLACE_REQUESTS)
        .execute(
            Tuple.tuple()
                .addArrayOfString(
                    named.stream().map(d -> d.getString("request_id")).toArray(String[]::new))
                .addArrayOfString(
                    named.stream()
                        .map(d -> pseudonym(d.getUUID("id"), "request", d.getString("request_id")))
                        .toArray(String[]::new))
                .addArrayOfBuffer(
                    named.stream()
                        .map(
                            d ->
                                mac(
                                    d.getUUID("id"),
                                    d.getString("request_id").getBytes(StandardCharsets.UTF_8)))
                        .toArray(Buffer[]::new)))
        .mapEmpty();
  }

  private Buffer mac(UUID prediction, byte[] bytes) {
    return Buffer.buffer(keys.mac(PseudonymKeys.period(prediction), "body", bytes));
  }

  private Future<Void> replaceLabels() {
    if (labels.isEmpty()) {
      return Future.succeededFuture();
    }
    return c.preparedQuery(RedactionSql.REPLACE_LABELS)
        .execute(
            Tuple.tuple()
                .addArrayOfUUID(labels.stream().map(l -> l.getUUID("id")).toArray(UUID[]::new))
                .addArrayOfString(ofLabels(l -> submitter(l, l.getString("submitted_by"))))
                .addArrayOfString(ofLabels(l -> ofLabel(l, "notes", l.getString("notes"))))
                .addArrayOfString(ofLabels(RedactionRound.this::metadata))
                .addArrayOfString(ofLabels(l -> submitter(l, l.getString("key_scope"))))
                .addArrayOfString(
                    ofLabels(
                        l -> ofLabel(l, "key " + l.getUUID("id"), l.getString("idempotency_key"))))
                .addArrayOfBuffer(labels.stream().map(this::bodyHash).toArray(Buffer[]::new))
                .addUUID(id))
        .mapEmpty();
  }

  private Buffer bodyHash(Row l) {
    Buffer hash = l.getBuffer("body_hash");
    return isDone(l) ? hash : mac(l.getUUID("prediction_id"), hash.getBytes());
  }

  private String[] ofLabels(Function<Row, @Nullable String> of) {
    return labels.stream().map(of).toArray(String[]::new);
  }

  /**
   * Of a label on which an entity was redacted before, only who submitted it is left to replace.
   */
  private static boolean isDone(Row l) {
    return l.getUUID("redaction") != null;
  }

  private @Nullable String ofLabel(Row l, String kind, @Nullable String text) {
    if (isDone(l)) {
      return text;
    }
    return pseudonym(l.getUUID("prediction_id"), kind, text);
  }

  private @Nullable String metadata(Row l) {
    if (isDone(l)) {
      return l.getString("metadata");
    }
    String pseudonym = ofLabel(l, "metadata", l.getString("metadata"));
    return pseudonym == null ? null : "{\"redacted\":\"" + pseudonym + "\"}";
  }

  /**
   * Who labelled is another person where the request is for an entity: then their name stays,
   * unless it is the same one.
   */
  private @Nullable String submitter(Row l, @Nullable String name) {
    String asked = person.submittedBy() != null ? person.submittedBy() : person.entityId();
    boolean theirs = asked == null || asked.equals(name) || Backfill.scope(asked).equals(name);
    return theirs ? person(l.getUUID("prediction_id"), name) : name;
  }

  // ---- what is left -----------------------------------------------------------------------------

  private Future<Void> readLeaves() {
    if (proved.isEmpty()) {
      return Future.succeededFuture();
    }
    return c.preparedQuery(RedactionSql.AFTER)
        .execute(Tuple.tuple().addArrayOfUUID(proved.toArray(UUID[]::new)))
        .map(
            rows -> {
              for (Row row : rows) {
                leaves.put(
                    row.getUUID("id"), MerkleTree.leafHash(row.getBuffer("data").getBytes()));
              }
              return null;
            });
  }

  private @Nullable String root() {
    return leaves.isEmpty() ? null : HexFormat.of().formatHex(root(leaves));
  }

  /** Over the predictions in the order of their positions: id and leaf, 48 bytes each. */
  static byte[] root(Map<UUID, byte[]> leaves) {
    ByteBuffer all = ByteBuffer.allocate(leaves.size() * MerkleTree.HASH_BYTES);
    leaves.forEach(
        (prediction, leaf) ->
            all.put(
                MerkleTree.leafHash(
                    ByteBuffer.allocate(16 + MerkleTree.HASH_BYTES)
                        .putLong(prediction.getMostSignificantBits())
                        .putLong(prediction.getLeastSignificantBits())
                        .put(leaf)
                        .array())));
    return MerkleTree.root(all.array());
  }

  /** Every decision that was redacted; with its place and leaf where it has a proof. */
  private Future<Void> note(long seq) {
    List<UUID> noted = new ArrayList<>(leaves.keySet());
    ids().stream().filter(prediction -> !leaves.containsKey(prediction)).forEach(noted::add);
    Integer[] positions = new Integer[noted.size()];
    Buffer[] hashes = new Buffer[noted.size()];
    int position = 0;
    for (byte[] leaf : leaves.values()) {
      hashes[position] = Buffer.buffer(leaf);
      positions[position] = position++;
    }
    return c.preparedQuery(RedactionSql.NOTE)
        .execute(
            Tuple.tuple()
                .addUUID(id)
                .addLong(seq)
                .addArrayOfUUID(noted.toArray(UUID[]::new))
                .addArrayOfInteger(positions)
                .addArrayOfBuffer(hashes))
        .mapEmpty();
  }
}
