-- Which labels went out of the house in an export: a redaction names those that hold the person.
CREATE TABLE export (
  id       uuid        NOT NULL PRIMARY KEY,
  at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor    text        NOT NULL,
  format   text        NOT NULL,
  from_id  uuid        NOT NULL, -- of labels, whose ids are in the order of their recording
  to_id    uuid        NOT NULL,
  model_id text
);

-- What must be kept beyond its retention. Times are those of decisions and labels; the ids are the
-- same bounds as their ids have them.
CREATE TABLE legal_hold (
  id        uuid        NOT NULL PRIMARY KEY,
  model_id  text,
  from_at   timestamptz,
  to_at     timestamptz,
  from_id   uuid        NOT NULL,
  to_id     uuid        NOT NULL,
  reason    text        NOT NULL,
  actor     text        NOT NULL,
  set_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  lifted_at timestamptz,
  CHECK (from_at < to_at)
);
