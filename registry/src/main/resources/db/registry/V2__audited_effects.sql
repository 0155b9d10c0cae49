-- What an operator can bring about is not committed without its audit row: the newest row of the log
-- must be of the same transaction. Checked as it commits, and whoever holds the owner's rights can
-- drop these triggers: what is found afterwards is the chain's matter.
CREATE FUNCTION registry.require_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (
    SELECT 1 FROM registry.audit_log l JOIN registry.audit_head h ON h.seq = l.seq
    WHERE l.xmin = pg_current_xact_id()::xid
  ) THEN
    RAISE EXCEPTION '% on registry.% is refused: its transaction has no audit row',
      TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER deployment_audited AFTER INSERT ON registry.deployment
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry.require_audit();
CREATE CONSTRAINT TRIGGER pointer_audited AFTER INSERT OR UPDATE OR DELETE ON registry.pointer
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry.require_audit();
CREATE CONSTRAINT TRIGGER forced_mode_audited AFTER INSERT OR UPDATE OR DELETE
  ON registry.forced_mode
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry.require_audit();
