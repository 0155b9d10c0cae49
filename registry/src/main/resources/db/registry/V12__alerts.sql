-- What Alertmanager has told, for who looks back at a night. A row is one time that an alert fired.
CREATE TABLE registry.alert (
  fingerprint text NOT NULL CHECK (fingerprint ~ '^[0-9a-f]{1,64}$'),
  starts_at timestamptz NOT NULL,
  ends_at timestamptz, -- null while it fires, as far as was told
  name text NOT NULL,
  labels jsonb NOT NULL,
  summary text,
  seen_at timestamptz NOT NULL,
  PRIMARY KEY (fingerprint, starts_at)
);
CREATE INDEX alert_seen_at ON registry.alert (seen_at);
CREATE INDEX alert_starts_at ON registry.alert (starts_at);

-- Requests to train a model again, MLRETRAIN-id: rows are only ever added. What comes of one is an
-- approval ticket, which needs a candidate and therefore comes later.
CREATE TABLE registry.retraining (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model text NOT NULL,
  cause text NOT NULL CHECK (cause IN ('drift', 'budget', 'regulator')),
  alert text,
  since timestamptz,
  reason text NOT NULL,
  dataset_from timestamptz NOT NULL,
  dataset_to timestamptz NOT NULL CHECK (dataset_to > dataset_from),
  dataset_rows bigint NOT NULL CHECK (dataset_rows >= 0),
  dataset_sha256 text NOT NULL CHECK (dataset_sha256 ~ '^[0-9a-f]{64}$'),
  actor text NOT NULL,
  at timestamptz NOT NULL,
  audit_id uuid NOT NULL REFERENCES registry.audit_log (id),
  CHECK ((cause = 'regulator') = (alert IS NULL)),
  CHECK ((alert IS NULL) = (since IS NULL))
);
CREATE INDEX retraining_model ON registry.retraining (model, id);

-- The newest request that counts for one of that cause: younger than seven days, and no approval
-- ticket of the model was opened after it. What a regulator asks for is only answered by such a request.
CREATE FUNCTION registry.pending_retraining(asked text, why text) RETURNS bigint
LANGUAGE sql VOLATILE AS $$
  SELECT max(r.id) FROM registry.retraining r
  WHERE r.model = asked AND (r.cause = why OR why <> 'regulator')
    AND r.at > clock_timestamp() - interval '7 days'
    AND NOT EXISTS (SELECT FROM registry.ticket t WHERE t.model = asked AND t.at > r.at)
$$;

-- Whoever decides on a request of a model waits here for who does so at the same time.
CREATE FUNCTION registry.lock_retraining(asked text, why text) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('registry.retraining ' || asked, 0));
  RETURN registry.pending_retraining(asked, why);
END
$$;

CREATE FUNCTION registry.check_retraining() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  pending bigint := registry.lock_retraining(NEW.model, NEW.cause);
BEGIN
  IF pending IS NOT NULL THEN
    PERFORM registry.refuse(format('MLRETRAIN-%s of %s is open, expected none', pending, NEW.model));
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER retraining_check BEFORE INSERT ON registry.retraining
  FOR EACH ROW EXECUTE FUNCTION registry.check_retraining();
CREATE TRIGGER retraining_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON registry.retraining
  FOR EACH STATEMENT EXECUTE FUNCTION registry.refuse_change();
CREATE CONSTRAINT TRIGGER retraining_audited AFTER INSERT ON registry.retraining
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry.require_audit();

-- How far PagerDuty has been told of changes, where it is configured.
CREATE TABLE registry.pagerduty_cursor (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  seq bigint NOT NULL DEFAULT 0,
  holder text,
  leased_until timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO registry.pagerduty_cursor DEFAULT VALUES;
CREATE INDEX audit_log_change ON registry.audit_log (seq)
  WHERE action IN ('promote', 'rollback', 'pin', 'unpin', 'mode.force', 'mode.lift');
