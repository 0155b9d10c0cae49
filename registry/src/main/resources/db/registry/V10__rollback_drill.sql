-- Rehearsals of rollbacks, counted: a row for each model and what became of them. Each rehearsal has
-- its own row in the audit log; this is what the metrics read. Times are of the newest one that passed.
CREATE TABLE registry.rollback_drill (
  model text NOT NULL,
  outcome text NOT NULL CHECK (outcome ~ '^[a-z_]{1,32}$'),
  runs bigint NOT NULL CHECK (runs > 0),
  last_at timestamptz NOT NULL,
  warm_seconds double precision CHECK (warm_seconds >= 0),
  disk_seconds double precision CHECK (disk_seconds >= 0),
  audit_id uuid NOT NULL REFERENCES registry.audit_log (id),
  PRIMARY KEY (model, outcome),
  CHECK ((outcome = 'passed') = (warm_seconds IS NOT NULL)
    AND (outcome = 'passed') = (disk_seconds IS NOT NULL))
);

CREATE CONSTRAINT TRIGGER rollback_drill_audited AFTER INSERT OR UPDATE OR DELETE
  ON registry.rollback_drill
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry.require_audit();
