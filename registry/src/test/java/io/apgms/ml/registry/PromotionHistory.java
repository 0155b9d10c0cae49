package io.apgms.ml.registry;

import static io.apgms.ml.registry.TestDatabase.get;

import java.util.List;

/**
 * Promise P7 over the tables, by the order of the audit log and no clock: before each promotion two
 * other people had approved its very manifest over the newest evidence, and had not taken it back.
 * Written apart from the rules that it checks.
 */
final class PromotionHistory {
  private static final String VIOLATIONS =
      """
      SELECT d.model || ' revision ' || d.revision || ' without ' || k.kind AS violation
      FROM registry.deployment d
      JOIN registry.audit_log l ON l.id = d.audit_id
      CROSS JOIN (VALUES ('peer_review'), ('risk_signoff')) AS k(kind)
      WHERE d.kind = 'promote' AND NOT EXISTS (
        SELECT FROM registry.approval a
        JOIN registry.audit_log al ON al.id = a.audit_id
        JOIN registry.ticket t ON t.id = a.ticket
        WHERE 'MLAPPROVAL-' || t.id = d.ticket AND a.kind = k.kind AND al.seq < l.seq
          AND a.manifest_digest = d.digest AND t.manifest_digest = d.digest
          AND a.actor <> d.actor AND a.actor <> t.author
          AND al.action = 'ticket.' || a.kind AND al.actor = a.actor
          AND a.evidence_digest = (
            SELECT e.digest FROM registry.ticket_evidence e
            JOIN registry.audit_log el ON el.id = e.audit_id
            WHERE e.ticket = t.id AND el.seq < l.seq ORDER BY el.seq DESC LIMIT 1)
          AND NOT EXISTS (
            SELECT FROM registry.ticket_evidence e WHERE e.ticket = t.id AND e.author = a.actor)
          AND NOT EXISTS (
            SELECT FROM registry.approval b
            WHERE b.ticket = t.id AND b.actor = a.actor
              AND (b.kind = 'peer_review') <> (a.kind = 'peer_review'))
          AND NOT EXISTS (
            SELECT FROM registry.approval_withdrawal w
            JOIN registry.audit_log wl ON wl.id = w.audit_id
            WHERE w.approval = a.id AND wl.seq < l.seq))
      ORDER BY 1
      """;

  private PromotionHistory() {}

  static List<String> violations(TestDatabase db) {
    return get(
        db.pool
            .query(VIOLATIONS)
            .execute()
            .map(rows -> Rows.list(rows, r -> r.getString("violation"))));
  }
}
