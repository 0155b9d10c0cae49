package io.apgms.ml.feedback;

/** What a redaction reads and writes. */
final class RedactionSql {
  /** A decision is redacted once: what has its note is passed over. */
  static final String FRESH =
      " AND NOT EXISTS (SELECT 1 FROM feedback.redaction_leaf r WHERE r.prediction_id = d.id)";

  static final String DECISIONS =
      "SELECT d.id, d.entity_id, d.request_id, d.groups,"
          + " substring(b.leaves FROM d.leaf * 32 + 1 FOR 32) AS stored, "
          + DecisionProofs.LEAF
          + " AS data FROM feedback.decision d"
          + " LEFT JOIN feedback.decision_batch b ON b.id = d.batch WHERE ";

  static final String LABELS =
      "SELECT l.id, l.prediction_id, l.model_id, l.submitted_by, l.notes, l.metadata,"
          + " l.key_scope, l.idempotency_key, l.body_hash, l.redaction"
          + " FROM feedback.model_feedback l WHERE ";

  static final String REPLACE_DECISIONS =
      "UPDATE feedback.decision d SET entity_id = u.entity_id, request_id = u.request_id,"
          + " groups = u.groups FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])"
          + " AS u(id, entity_id, request_id, groups) WHERE d.id = u.id";

  /** A hash of a name tells who knows the name: that of the pseudonym keeps the same order. */
  static final String REORDER =
      "UPDATE feedback.action_delivery a"
          + " SET order_key = hashtextextended(coalesce(d.entity_id, d.id::text), 0)"
          + " FROM feedback.action_outbox o JOIN feedback.decision d ON d.id = o.prediction_id"
          + " WHERE a.outbox_id = o.id AND o.prediction_id = ANY($1)";

  static final String REPLACE_REQUESTS =
      "UPDATE feedback.request r SET request_id = u.after, body_hash = u.hash"
          + " FROM unnest($1::text[], $2::text[], $3::bytea[]) AS u(before, after, hash)"
          + " WHERE r.request_id = u.before";

  static final String REPLACE_LABELS =
      "UPDATE feedback.model_feedback l SET submitted_by = u.submitted_by, notes = u.notes,"
          + " metadata = u.metadata, key_scope = u.key_scope, idempotency_key = u.key,"
          + " body_hash = u.hash, redaction = $8 FROM unnest($1::uuid[], $2::text[], $3::text[],"
          + " $4::text[], $5::text[], $6::text[], $7::bytea[])"
          + " AS u(id, submitted_by, notes, metadata, key_scope, key, hash) WHERE l.id = u.id";

  static final String AFTER =
      "SELECT d.id, "
          + DecisionProofs.LEAF
          + " AS data FROM feedback.decision d WHERE d.id = ANY($1) ORDER BY d.id";

  static final String NOTE =
      "WITH made AS (INSERT INTO feedback.redaction (id, audit_seq) VALUES ($1, $2) RETURNING id)"
          + " INSERT INTO feedback.redaction_leaf (prediction_id, redaction, position, leaf)"
          + " SELECT u.id, made.id, u.position, u.leaf FROM made,"
          + " unnest($3::uuid[], $4::int[], $5::bytea[]) AS u(id, position, leaf)";

  static final String EXPORTS =
      "SELECT e.id, e.at, e.actor, e.from_id, e.to_id, e.model_id FROM feedback.export e"
          + " WHERE EXISTS (SELECT 1 FROM unnest($1::uuid[], $2::text[]) AS l(id, model_id)"
          + " WHERE l.id >= e.from_id AND l.id < e.to_id"
          + " AND (e.model_id IS NULL OR e.model_id = l.model_id)) ORDER BY e.at LIMIT "
          + RedactionRound.MAX_EXPORTS;

  private RedactionSql() {}
}
