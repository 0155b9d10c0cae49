-- What counts against the error budget of each model, in buckets of five minutes. Every replica adds to
-- the bucket of now; allowed is what the SLO of the version that served lets go wrong of these requests.
CREATE TABLE registry.error_budget (
  model text NOT NULL,
  at timestamptz NOT NULL,
  requests bigint NOT NULL CHECK (requests >= 0),
  bad bigint NOT NULL CHECK (bad BETWEEN 0 AND requests),
  allowed double precision NOT NULL CHECK (allowed >= 0 AND allowed <= requests),
  PRIMARY KEY (model, at)
);
CREATE INDEX error_budget_at ON registry.error_budget (at);

-- How far each replica has reported, so that a report whose answer was lost counts once.
CREATE TABLE registry.error_budget_reporter (
  id uuid PRIMARY KEY,
  seq bigint NOT NULL,
  at timestamptz NOT NULL
);

-- The budget's period is 30 days, of 24 hours each, and reaches back to the start of a bucket.
CREATE FUNCTION registry.error_budget_used(
  asked text, OUT requests bigint, OUT bad bigint, OUT allowed double precision
) LANGUAGE sql STABLE AS $$
  SELECT coalesce(sum(b.requests), 0)::bigint, coalesce(sum(b.bad), 0)::bigint,
    coalesce(sum(b.allowed), 0)
  FROM registry.error_budget b
  WHERE b.model = asked AND b.at > clock_timestamp() - interval '720 hours 5 minutes'
$$;

ALTER TABLE registry.approval DROP CONSTRAINT approval_gate_check;
ALTER TABLE registry.approval ADD CONSTRAINT approval_gate_check
  CHECK (gate IN ('integrity', 'bias', 'reproducibility', 'smoke', 'error-budget'));

-- As ErrorBudget says: fewer than 10,000 requests spend nothing.
CREATE FUNCTION registry.check_error_budget() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  used record;
BEGIN
  SELECT * INTO used FROM registry.error_budget_used(NEW.model);
  IF used.requests >= 10000 AND used.bad >= used.allowed
      AND NOT EXISTS (SELECT FROM registry.valid_approval
        WHERE ticket = substr(NEW.ticket, 12)::bigint AND kind = 'waiver'
          AND gate = 'error-budget') THEN
    PERFORM registry.refuse(format('the error budget of %s is spent and not waived, %s bad of %s'
      ' requests', NEW.model, used.bad, used.requests));
  END IF;
  RETURN NEW;
END
$$;
-- Triggers run by name: this one after deployment_promotion, which has looked at the ticket.
CREATE TRIGGER deployment_promotion_budget BEFORE INSERT ON registry.deployment
  FOR EACH ROW WHEN (NEW.kind = 'promote') EXECUTE FUNCTION registry.check_error_budget();

-- What a candidate would have decided otherwise, as it was attached to its ticket. document is what
-- its digest is of, to the byte.
CREATE TABLE registry.ticket_replay (
  ticket bigint NOT NULL REFERENCES registry.ticket,
  n integer NOT NULL CHECK (n BETWEEN 1 AND 20),
  document bytea NOT NULL CHECK (octet_length(document) <= 65536),
  digest text NOT NULL CONSTRAINT ticket_replay_digest
    CHECK (digest = 'sha256:' || encode(sha256(document), 'hex')),
  author text NOT NULL,
  at timestamptz NOT NULL,
  audit_id uuid NOT NULL REFERENCES registry.audit_log (id),
  PRIMARY KEY (ticket, n)
);
CREATE FUNCTION registry.check_replay() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  t registry.ticket := registry.lock_open_ticket(NEW.ticket);
  document jsonb := convert_from(NEW.document, 'UTF8')::jsonb;
BEGIN
  IF document ->> 'modelId' IS DISTINCT FROM t.model
      OR document ->> 'modelVersion' IS DISTINCT FROM t.version
      OR document ->> 'digest' IS DISTINCT FROM t.manifest_digest THEN
    PERFORM registry.refuse(format('a replay of another artifact, expected %s/%s with %s',
      t.model, t.version, t.manifest_digest));
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER ticket_replay_check BEFORE INSERT ON registry.ticket_replay
  FOR EACH ROW EXECUTE FUNCTION registry.check_replay();
CREATE TRIGGER ticket_replay_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON registry.ticket_replay
  FOR EACH STATEMENT EXECUTE FUNCTION registry.refuse_change();
CREATE CONSTRAINT TRIGGER ticket_replay_audited AFTER INSERT ON registry.ticket_replay
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry.require_audit();

-- Jira is told of replays too.
DROP INDEX registry.audit_log_ticket;
CREATE INDEX audit_log_ticket ON registry.audit_log (seq)
  WHERE action IN ('ticket.open', 'ticket.evidence', 'ticket.replay', 'ticket.peer_review',
    'ticket.risk_signoff', 'ticket.waiver', 'ticket.withdraw', 'ticket.close', 'promote');
