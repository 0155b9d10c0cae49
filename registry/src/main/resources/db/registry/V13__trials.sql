-- A second version of a model beside the active one: a canary answers a share of the requests, a shadow
-- none. A row's one change is its end.
CREATE TABLE registry.trial (
  model text NOT NULL,
  n integer NOT NULL CHECK (n > 0),
  id uuid NOT NULL UNIQUE,
  kind text NOT NULL CHECK (kind IN ('canary', 'shadow')),
  version text NOT NULL,
  digest text NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
  base_version text NOT NULL, -- the active one, that it is compared with
  base_digest text NOT NULL CHECK (base_digest <> digest),
  ticket text,
  least_pairs integer NOT NULL CHECK (least_pairs BETWEEN 50 AND 1000000),
  max_errors integer NOT NULL CHECK (max_errors >= 0),
  max_disagreement double precision NOT NULL CHECK (max_disagreement > 0 AND max_disagreement <= 1),
  max_mean_difference double precision NOT NULL
    CHECK (max_mean_difference > 0 AND max_mean_difference <= 1),
  actor text NOT NULL,
  at timestamptz NOT NULL,
  until timestamptz NOT NULL CHECK (until > at),
  reason text NOT NULL,
  audit_id uuid NOT NULL REFERENCES registry.audit_log (id),
  state text NOT NULL DEFAULT 'running'
    CHECK (state IN ('running', 'passed', 'failed', 'inconclusive', 'stopped')),
  ended_by text,
  ended_at timestamptz,
  end_reason text,
  end_audit_id uuid REFERENCES registry.audit_log (id),
  PRIMARY KEY (model, n),
  CHECK (num_nulls(ended_by, ended_at, end_reason, end_audit_id) =
    CASE WHEN state = 'running' THEN 4 ELSE 0 END),
  CHECK (kind = 'canary' OR ticket IS NULL)
);
CREATE UNIQUE INDEX trial_running ON registry.trial (model) WHERE state = 'running';

-- A canary may act, so it stands where a promotion would: what a ticket brings is asked by the very
-- functions that a promotion is asked by.
CREATE TRIGGER trial_promotion BEFORE INSERT ON registry.trial
  FOR EACH ROW WHEN (NEW.ticket IS NOT NULL) EXECUTE FUNCTION registry.check_promotion();
CREATE TRIGGER trial_promotion_budget BEFORE INSERT ON registry.trial
  FOR EACH ROW WHEN (NEW.ticket IS NOT NULL) EXECUTE FUNCTION registry.check_error_budget();

-- Or it was active with this digest, and was not left as bad since.
CREATE FUNCTION registry.check_trial() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  p registry.pointer;
  last registry.deployment;
BEGIN
  SELECT * INTO p FROM registry.pointer WHERE model = NEW.model;
  IF p.digest IS DISTINCT FROM NEW.base_digest OR p.version = NEW.version OR p.pin_actor IS NOT NULL
  THEN
    PERFORM registry.refuse(format('%s serves %s, expected the unpinned %s beside another version',
      NEW.model, p.version, NEW.base_version));
  END IF;
  IF NEW.kind = 'canary' AND NEW.ticket IS NULL THEN
    SELECT * INTO last FROM registry.deployment
      WHERE model = NEW.model AND version = NEW.version ORDER BY revision DESC LIMIT 1;
    IF last.digest IS DISTINCT FROM NEW.digest OR EXISTS (SELECT FROM registry.deployment
        WHERE model = NEW.model AND rolled_back_from = NEW.version AND revision > last.revision) THEN
      PERFORM registry.refuse(format('%s %s has no ticket, expected one or that it was active with'
        ' this digest and not rolled back from', NEW.model, NEW.version));
    END IF;
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER trial_check BEFORE INSERT ON registry.trial
  FOR EACH ROW EXECUTE FUNCTION registry.check_trial();

CREATE FUNCTION registry.check_trial_end() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  ends text[] := ARRAY['state', 'ended_by', 'ended_at', 'end_reason', 'end_audit_id'];
BEGIN
  IF OLD.state <> 'running' OR NEW.state = 'running'
      OR to_jsonb(OLD) - ends <> to_jsonb(NEW) - ends THEN
    RAISE EXCEPTION 'UPDATE on registry.trial is refused: a trial ends once, and nothing else of it changes'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER trial_end BEFORE UPDATE ON registry.trial
  FOR EACH ROW EXECUTE FUNCTION registry.check_trial_end();
CREATE TRIGGER trial_stays BEFORE DELETE OR TRUNCATE ON registry.trial
  FOR EACH STATEMENT EXECUTE FUNCTION registry.refuse_change();
CREATE CONSTRAINT TRIGGER trial_audited AFTER INSERT OR UPDATE ON registry.trial
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry.require_audit();
