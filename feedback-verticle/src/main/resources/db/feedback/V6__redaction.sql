-- What a redaction left of decisions: the leaf of the row as it is since, beside the one of the row as
-- it was, which stays in its batch. One root over the leaves of a redaction is in the audit chain.
CREATE TABLE redaction (
  id        uuid        NOT NULL PRIMARY KEY,
  at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  audit_seq bigint      NOT NULL
);

-- Of every decision that was redacted; no leaf where it has no proof, or was altered before.
CREATE TABLE redaction_leaf (
  prediction_id uuid    NOT NULL PRIMARY KEY,
  redaction     uuid    NOT NULL REFERENCES redaction (id),
  position      integer,
  leaf          bytea   CHECK (octet_length(leaf) = 32),
  CHECK ((leaf IS NULL) = (position IS NULL)),
  UNIQUE (redaction, position)
);

-- Null in what nobody asked to redact.
ALTER TABLE model_feedback ADD COLUMN redaction uuid;

CREATE INDEX model_feedback_submitted_by ON model_feedback (submitted_by, id);
