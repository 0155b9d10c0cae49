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
