-- The one row every append locks: it makes seq gapless and the chain linear.
CREATE TABLE registry.audit_head (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  seq bigint NOT NULL CHECK (seq >= 0),
  hash text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$')
);
INSERT INTO registry.audit_head (seq, hash) VALUES (0, repeat('0', 64));

-- detail is text, not jsonb: its very bytes are hashed.
CREATE TABLE registry.audit_log (
  seq bigint PRIMARY KEY CHECK (seq > 0),
  id uuid NOT NULL UNIQUE,
  at timestamptz NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  subject text NOT NULL,
  detail text NOT NULL CHECK (octet_length(detail) <= 65536),
  prev_hash text NOT NULL CHECK (prev_hash ~ '^[0-9a-f]{64}$'),
  hash text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$')
);

-- For "which mode was forced at time T".
CREATE INDEX audit_log_mode ON registry.audit_log (subject, seq)
  WHERE action IN ('mode.force', 'mode.lift');

CREATE TABLE registry.deployment (
  model text NOT NULL,
  revision integer NOT NULL CHECK (revision > 0),
  version text NOT NULL,
  digest text NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
  kind text NOT NULL CHECK (kind IN ('bootstrap', 'promote', 'rollback', 'pin')),
  from_version text,
  rolled_back_from text,
  actor text NOT NULL,
  at timestamptz NOT NULL,
  reason text NOT NULL,
  ticket text,
  incident text,
  audit_id uuid NOT NULL REFERENCES registry.audit_log (id),
  idempotency_key text CONSTRAINT deployment_idempotency_key UNIQUE,
  body_hash text,
  PRIMARY KEY (model, revision),
  CHECK ((idempotency_key IS NULL) = (body_hash IS NULL))
);

CREATE TABLE registry.pointer (
  model text PRIMARY KEY,
  revision integer NOT NULL,
  version text NOT NULL,
  digest text NOT NULL,
  pin_actor text,
  pin_reason text,
  pinned_at timestamptz,
  updated_at timestamptz NOT NULL,
  FOREIGN KEY (model, revision) REFERENCES registry.deployment DEFERRABLE INITIALLY DEFERRED,
  CHECK ((pin_actor IS NULL) = (pinned_at IS NULL) AND (pin_reason IS NULL) = (pinned_at IS NULL))
);

CREATE TABLE registry.forced_mode (
  scope text PRIMARY KEY,
  reason text NOT NULL,
  actor text NOT NULL,
  set_at timestamptz NOT NULL,
  expires_at timestamptz,
  audit_id uuid NOT NULL REFERENCES registry.audit_log (id)
);

CREATE TABLE registry.replica (
  id text PRIMARY KEY,
  started_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL,
  serving jsonb NOT NULL,
  env_pins jsonb NOT NULL
);

CREATE FUNCTION registry.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on registry.% is refused: rows are only ever added', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON registry.audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION registry.refuse_change();
CREATE TRIGGER deployment_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON registry.deployment
  FOR EACH STATEMENT EXECUTE FUNCTION registry.refuse_change();
CREATE TRIGGER audit_head_stays BEFORE DELETE OR TRUNCATE ON registry.audit_head
  FOR EACH STATEMENT EXECUTE FUNCTION registry.refuse_change();
