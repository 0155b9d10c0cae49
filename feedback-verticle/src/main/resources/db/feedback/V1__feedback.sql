-- Decisions and labels. Prediction ids are UUIDv7, so id order is time order: the decision table is
-- partitioned by the id itself, one partition a week, made ahead by the service.
CREATE TABLE decision (
  id            uuid             NOT NULL PRIMARY KEY,
  at            timestamptz      NOT NULL,
  model_id      text             NOT NULL,
  model_version text             NOT NULL,
  model_digest  text             NOT NULL,
  features      real[]           NOT NULL,
  groups        text,
  score         double precision NOT NULL CHECK (score >= 0 AND score <= 1),
  threshold     double precision NOT NULL,
  review        boolean          NOT NULL,
  act           boolean          NOT NULL,
  enforced      boolean          NOT NULL CHECK (NOT enforced OR (review AND act)),
  mode_source   text             NOT NULL,
  flag_age_ms   bigint           NOT NULL,
  request_id    text,
  entity_id     text
) PARTITION BY RANGE (id);

CREATE TABLE decision_default PARTITION OF decision DEFAULT;

CREATE INDEX decision_entity ON decision (entity_id, id) WHERE entity_id IS NOT NULL;

-- The caller's own ids. The key lives as long as the row: a retry never decides twice.
CREATE TABLE request (
  request_id    text  NOT NULL PRIMARY KEY,
  prediction_id uuid  NOT NULL,
  body_hash     bytea NOT NULL
);

-- Holds in force, written with their decision; sent by the dispatcher.
CREATE TABLE action_outbox (
  id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  prediction_id uuid        NOT NULL,
  kind          text        NOT NULL CHECK (kind IN ('hold', 'release')),
  state         text        NOT NULL DEFAULT 'pending'
                CHECK (state IN ('pending', 'sent', 'cancelled', 'dead')),
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (prediction_id, kind)
);

CREATE INDEX action_outbox_pending ON action_outbox (id) WHERE state = 'pending';

CREATE TABLE model_feedback (
  id              uuid        NOT NULL PRIMARY KEY,
  prediction_id   uuid        NOT NULL,
  model_id        text        NOT NULL,
  model_version   text        NOT NULL,
  label           text        NOT NULL CHECK (label IN
                  ('FALSE_POSITIVE', 'FALSE_NEGATIVE', 'TRUE_POSITIVE', 'TRUE_NEGATIVE')),
  source          text        NOT NULL CHECK (source IN ('REGULATOR', 'FINANCE', 'OPERATOR')),
  submitted_by    text        NOT NULL,
  notes           text        CHECK (length(notes) <= 2000),
  metadata        text,
  observed_at     timestamptz NOT NULL,
  recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  key_scope       text        NOT NULL,
  idempotency_key text,
  body_hash       bytea       NOT NULL,
  UNIQUE (key_scope, idempotency_key)
);

CREATE INDEX model_feedback_prediction ON model_feedback (prediction_id);
CREATE INDEX model_feedback_model ON model_feedback (model_id, id);
