-- Approval tickets. All rows are only ever added; whoever adds to a ticket locks its row first.
-- What a refusal is, is said twice on purpose: TicketRules lists every reason to a person, the
-- triggers here refuse whatever got past them.

CREATE TABLE registry.ticket (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- MLAPPROVAL-id
  model text NOT NULL,
  version text NOT NULL,
  manifest_digest text NOT NULL CHECK (manifest_digest ~ '^sha256:[0-9a-f]{64}$'),
  cause text NOT NULL CHECK (cause IN ('schedule', 'drift', 'budget', 'regulator', 'manual')),
  dataset_sha256 text NOT NULL,
  git_commit text NOT NULL,
  author text NOT NULL,
  at timestamptz NOT NULL,
  reason text NOT NULL,
  audit_id uuid NOT NULL REFERENCES registry.audit_log (id)
);
CREATE INDEX ticket_model ON registry.ticket (model, id);

-- document is what its digest is of, to the byte.
CREATE TABLE registry.ticket_evidence (
  ticket bigint NOT NULL REFERENCES registry.ticket,
  n integer NOT NULL CHECK (n BETWEEN 1 AND 100),
  document bytea NOT NULL CHECK (octet_length(document) <= 65536),
  digest text NOT NULL CONSTRAINT ticket_evidence_digest
    CHECK (digest = 'sha256:' || encode(sha256(document), 'hex')),
  author text NOT NULL,
  at timestamptz NOT NULL,
  audit_id uuid NOT NULL REFERENCES registry.audit_log (id),
  PRIMARY KEY (ticket, n)
);

-- id is also the nonce: an approval counts once, for one ticket, which promotes once.
CREATE TABLE registry.approval (
  id uuid PRIMARY KEY,
  ticket bigint NOT NULL,
  evidence integer NOT NULL,
  kind text NOT NULL CHECK (kind IN ('peer_review', 'risk_signoff', 'waiver')),
  gate text CHECK (gate IN ('integrity', 'bias', 'reproducibility', 'smoke')),
  actor text NOT NULL,
  at timestamptz NOT NULL,
  manifest_digest text NOT NULL,
  evidence_digest text NOT NULL,
  base_version text, -- the active version that a sign-off compared with; null where none was
  base_digest text,
  thresholds_unchanged boolean,
  change_reason text, -- a change of a regulated threshold has a reason of its own
  reason text NOT NULL,
  named_audit_id uuid REFERENCES registry.audit_log (id),
  expires_at timestamptz NOT NULL CHECK (expires_at > at),
  audit_id uuid NOT NULL REFERENCES registry.audit_log (id),
  FOREIGN KEY (ticket, evidence) REFERENCES registry.ticket_evidence (ticket, n),
  CHECK ((kind = 'waiver') = (gate IS NOT NULL)),
  CHECK ((kind = 'risk_signoff') = (thresholds_unchanged IS NOT NULL)),
  CHECK ((kind = 'risk_signoff') = (named_audit_id IS NOT NULL)),
  CHECK ((thresholds_unchanged IS FALSE) = (change_reason IS NOT NULL)),
  CHECK ((base_version IS NULL) = (base_digest IS NULL))
);
CREATE UNIQUE INDEX approval_once ON registry.approval
  (ticket, evidence, kind, actor, coalesce(gate, ''), coalesce(base_digest, ''));

CREATE TABLE registry.approval_withdrawal (
  approval uuid PRIMARY KEY REFERENCES registry.approval,
  actor text NOT NULL,
  at timestamptz NOT NULL,
  reason text NOT NULL,
  audit_id uuid NOT NULL REFERENCES registry.audit_log (id)
);

CREATE TABLE registry.ticket_closure (
  ticket bigint PRIMARY KEY REFERENCES registry.ticket,
  outcome text NOT NULL CHECK (outcome IN ('promoted', 'rejected')),
  commit_hash text CHECK (commit_hash ~ '^[0-9a-f]{7,64}$'),
  actor text NOT NULL,
  at timestamptz NOT NULL,
  reason text NOT NULL,
  audit_id uuid NOT NULL REFERENCES registry.audit_log (id),
  CHECK ((outcome = 'promoted') = (commit_hash IS NOT NULL))
);

ALTER TABLE registry.deployment
  ADD CONSTRAINT deployment_ticket CHECK ((kind = 'promote') = (ticket IS NOT NULL));
CREATE UNIQUE INDEX deployment_ticket_once ON registry.deployment (ticket)
  WHERE kind = 'promote';

-- SQLSTATE ML409 reaches the caller as a conflict, with its text.
CREATE FUNCTION registry.refuse(why text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', why USING ERRCODE = 'ML409';
END
$$;

-- Locks the ticket; refuses when there is none or it is closed.
CREATE FUNCTION registry.lock_open_ticket(asked bigint) RETURNS registry.ticket
LANGUAGE plpgsql AS $$
DECLARE
  t registry.ticket;
BEGIN
  SELECT * INTO t FROM registry.ticket WHERE id = asked FOR UPDATE;
  IF NOT FOUND THEN
    PERFORM registry.refuse(format('ticket MLAPPROVAL-%s is unknown', asked));
  END IF;
  IF EXISTS (SELECT FROM registry.ticket_closure c WHERE c.ticket = asked) THEN
    PERFORM registry.refuse(format('ticket MLAPPROVAL-%s is closed, expected an open one', asked));
  END IF;
  RETURN t;
END
$$;

-- Who opened a ticket or brought evidence to it is its author.
CREATE FUNCTION registry.is_author(asked bigint, person text) RETURNS boolean
LANGUAGE sql AS $$
  SELECT EXISTS (SELECT FROM registry.ticket WHERE id = asked AND author = person)
    OR EXISTS (SELECT FROM registry.ticket_evidence e WHERE e.ticket = asked AND e.author = person)
$$;

CREATE FUNCTION registry.check_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  t registry.ticket := registry.lock_open_ticket(NEW.ticket);
  document jsonb := convert_from(NEW.document, 'UTF8')::jsonb;
BEGIN
  IF document ->> 'model' IS DISTINCT FROM t.model
      OR document ->> 'version' IS DISTINCT FROM t.version
      OR document ->> 'manifestDigest' IS DISTINCT FROM t.manifest_digest THEN
    PERFORM registry.refuse(format('evidence of another artifact, expected %s/%s with %s',
      t.model, t.version, t.manifest_digest));
  END IF;
  IF NEW.n <> (SELECT coalesce(max(n), 0) + 1 FROM registry.ticket_evidence
      WHERE ticket = NEW.ticket) THEN
    PERFORM registry.refuse('evidence out of order');
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER ticket_evidence_check BEFORE INSERT ON registry.ticket_evidence
  FOR EACH ROW EXECUTE FUNCTION registry.check_evidence();

CREATE FUNCTION registry.check_approval() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  t registry.ticket := registry.lock_open_ticket(NEW.ticket);
  e registry.ticket_evidence;
BEGIN
  SELECT * INTO e FROM registry.ticket_evidence WHERE ticket = NEW.ticket ORDER BY n DESC LIMIT 1;
  IF e.n IS DISTINCT FROM NEW.evidence OR e.digest IS DISTINCT FROM NEW.evidence_digest
      OR t.manifest_digest <> NEW.manifest_digest THEN
    PERFORM registry.refuse(format('approval of MLAPPROVAL-%s is not of its manifest and newest evidence',
      NEW.ticket));
  END IF;
  IF registry.is_author(NEW.ticket, NEW.actor) THEN
    PERFORM registry.refuse(format('%s is an author of MLAPPROVAL-%s, expected another person',
      NEW.actor, NEW.ticket));
  END IF;
  IF EXISTS (SELECT FROM registry.approval a WHERE a.ticket = NEW.ticket AND a.actor = NEW.actor
      AND (a.kind = 'peer_review') <> (NEW.kind = 'peer_review')) THEN
    PERFORM registry.refuse(format('%s has approved MLAPPROVAL-%s in another part, expected another person',
      NEW.actor, NEW.ticket));
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER approval_check BEFORE INSERT ON registry.approval
  FOR EACH ROW EXECUTE FUNCTION registry.check_approval();

CREATE FUNCTION registry.check_withdrawal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  a registry.approval;
BEGIN
  SELECT * INTO a FROM registry.approval WHERE id = NEW.approval;
  PERFORM registry.lock_open_ticket(a.ticket);
  IF a.actor IS DISTINCT FROM NEW.actor THEN
    PERFORM registry.refuse(format('the approval is not of %s, expected its own author to withdraw it',
      NEW.actor));
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER approval_withdrawal_check BEFORE INSERT ON registry.approval_withdrawal
  FOR EACH ROW EXECUTE FUNCTION registry.check_withdrawal();

CREATE FUNCTION registry.check_closure() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  t registry.ticket := registry.lock_open_ticket(NEW.ticket);
  promoted boolean := EXISTS (SELECT FROM registry.deployment
    WHERE ticket = 'MLAPPROVAL-' || t.id AND kind = 'promote');
BEGIN
  IF promoted <> (NEW.outcome = 'promoted') THEN
    PERFORM registry.refuse(format('MLAPPROVAL-%s %s, expected it to be closed so',
      t.id, CASE WHEN promoted THEN 'has promoted' ELSE 'has not promoted' END));
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER ticket_closure_check BEFORE INSERT ON registry.ticket_closure
  FOR EACH ROW EXECUTE FUNCTION registry.check_closure();

-- The approvals that count now: of the newest evidence, not withdrawn, not expired.
CREATE VIEW registry.valid_approval AS
  SELECT a.* FROM registry.approval a JOIN registry.ticket t ON t.id = a.ticket
  WHERE a.manifest_digest = t.manifest_digest
    AND a.evidence = (SELECT max(e.n) FROM registry.ticket_evidence e WHERE e.ticket = a.ticket)
    AND a.expires_at > clock_timestamp()
    AND NOT EXISTS (SELECT FROM registry.approval_withdrawal w WHERE w.approval = a.id);

-- The last word on a promotion, in its own transaction, under the ticket's lock.
CREATE FUNCTION registry.check_promotion() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  t registry.ticket;
  document jsonb;
  active text;
  g text;
  outcome text;
BEGIN
  IF NEW.ticket !~ '^MLAPPROVAL-[1-9][0-9]{0,17}$' THEN
    PERFORM registry.refuse('ticket is not of the form MLAPPROVAL-n');
  END IF;
  t := registry.lock_open_ticket(substr(NEW.ticket, 12)::bigint);
  IF t.model <> NEW.model OR t.version <> NEW.version OR t.manifest_digest <> NEW.digest THEN
    PERFORM registry.refuse(format('%s is of %s/%s with %s, expected this artifact',
      NEW.ticket, t.model, t.version, t.manifest_digest));
  END IF;
  IF registry.is_author(t.id, NEW.actor)
      OR EXISTS (SELECT FROM registry.approval WHERE ticket = t.id AND actor = NEW.actor) THEN
    PERFORM registry.refuse(format('%s is an author or approver of %s, expected another person',
      NEW.actor, NEW.ticket));
  END IF;
  SELECT digest INTO active FROM registry.pointer WHERE model = NEW.model;
  IF NOT EXISTS (SELECT FROM registry.valid_approval
      WHERE ticket = t.id AND kind = 'peer_review') THEN
    PERFORM registry.refuse(format('%s has no valid peer review', NEW.ticket));
  END IF;
  IF NOT EXISTS (SELECT FROM registry.valid_approval WHERE ticket = t.id
      AND kind = 'risk_signoff' AND base_digest IS NOT DISTINCT FROM active) THEN
    PERFORM registry.refuse(format('%s has no valid risk sign-off over the active version', NEW.ticket));
  END IF;
  SELECT convert_from(e.document, 'UTF8')::jsonb INTO document FROM registry.ticket_evidence e
    WHERE e.ticket = t.id ORDER BY e.n DESC LIMIT 1;
  FOREACH g IN ARRAY ARRAY['integrity', 'bias', 'reproducibility', 'smoke'] LOOP
    outcome := (SELECT r ->> 'outcome' FROM jsonb_array_elements(document -> 'results') r
      WHERE r ->> 'gate' = g LIMIT 1);
    IF outcome IS DISTINCT FROM 'pass' AND NOT (outcome IS NOT DISTINCT FROM 'inconclusive'
        AND EXISTS (SELECT FROM registry.valid_approval
          WHERE ticket = t.id AND kind = 'waiver' AND gate = g)) THEN
      PERFORM registry.refuse(format('gate %s is %s and not waived, expected pass',
        g, coalesce(outcome, 'not run')));
    END IF;
  END LOOP;
  RETURN NEW;
END
$$;
CREATE TRIGGER deployment_promotion BEFORE INSERT ON registry.deployment
  FOR EACH ROW WHEN (NEW.kind = 'promote') EXECUTE FUNCTION registry.check_promotion();

CREATE TRIGGER ticket_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON registry.ticket
  FOR EACH STATEMENT EXECUTE FUNCTION registry.refuse_change();
CREATE TRIGGER ticket_evidence_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON registry.ticket_evidence
  FOR EACH STATEMENT EXECUTE FUNCTION registry.refuse_change();
CREATE TRIGGER approval_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON registry.approval
  FOR EACH STATEMENT EXECUTE FUNCTION registry.refuse_change();
CREATE TRIGGER approval_withdrawal_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON registry.approval_withdrawal
  FOR EACH STATEMENT EXECUTE FUNCTION registry.refuse_change();
CREATE TRIGGER ticket_closure_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON registry.ticket_closure
  FOR EACH STATEMENT EXECUTE FUNCTION registry.refuse_change();
CREATE CONSTRAINT TRIGGER ticket_audited AFTER INSERT ON registry.ticket
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry.require_audit();
CREATE CONSTRAINT TRIGGER ticket_evidence_audited AFTER INSERT ON registry.ticket_evidence
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry.require_audit();
CREATE CONSTRAINT TRIGGER approval_audited AFTER INSERT ON registry.approval
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry.require_audit();
CREATE CONSTRAINT TRIGGER approval_withdrawal_audited AFTER INSERT ON registry.approval_withdrawal
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry.require_audit();
CREATE CONSTRAINT TRIGGER ticket_closure_audited AFTER INSERT ON registry.ticket_closure
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry.require_audit();

-- The mirror of tickets in Jira, where one is configured: how far of the log has been told, which
-- issue a ticket has, and which steps Jira would not take.
CREATE TABLE registry.jira_cursor (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  seq bigint NOT NULL DEFAULT 0,
  holder text,
  leased_until timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO registry.jira_cursor DEFAULT VALUES;
CREATE TABLE registry.jira_issue (
  ticket bigint PRIMARY KEY REFERENCES registry.ticket,
  issue_key text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE registry.jira_skipped (
  seq bigint PRIMARY KEY REFERENCES registry.audit_log (seq),
  reason text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX audit_log_ticket ON registry.audit_log (seq)
  WHERE action IN ('ticket.open', 'ticket.evidence', 'ticket.peer_review', 'ticket.risk_signoff',
    'ticket.waiver', 'ticket.withdraw', 'ticket.close', 'promote');
