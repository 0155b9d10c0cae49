-- What becomes of each action at each sink. A hold is written with its decision, a release with its
-- label; the dispatcher fans each out, one row a sink, when it finds it.
ALTER TABLE action_outbox
  ADD COLUMN tenant text,                             -- of the caller; the flag may ask about it
  ADD COLUMN fanned boolean  NOT NULL DEFAULT false,
  ADD COLUMN open   integer  NOT NULL DEFAULT 0,      -- deliveries that have not ended
  ADD COLUMN worst  smallint NOT NULL DEFAULT 0       -- of those that have: 0 sent, 1 cancelled, 2 dead
             CHECK (worst BETWEEN 0 AND 2);

CREATE INDEX action_outbox_unfanned ON action_outbox (id) WHERE NOT fanned;

-- Each claim has a number of its own, higher than all before: a mark under an older one is refused.
CREATE SEQUENCE action_fence;

CREATE TABLE action_delivery (
  outbox_id    bigint      NOT NULL REFERENCES action_outbox ON DELETE CASCADE,
  sink         text        NOT NULL,
  order_key    bigint      NOT NULL, -- hash of the entity, or of the prediction where there is none
  state        text        NOT NULL DEFAULT 'pending'
               CHECK (state IN ('pending', 'sent', 'cancelled', 'dead')),
  due_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  give_up_at   timestamptz NOT NULL,
  fence        bigint,
  leased_until timestamptz,          -- of a claim that was not marked; null where there is none
  attempts     integer     NOT NULL DEFAULT 0,
  status       integer,              -- of the sink's last answer
  reason       text,                 -- of the last failure or the end; never a sink's own words
  checked_at   timestamptz,          -- when the lease was checked for the last attempt
  ended_at     timestamptz,
  PRIMARY KEY (outbox_id, sink)
);

CREATE INDEX action_delivery_due     ON action_delivery (sink, due_at) WHERE state = 'pending';
CREATE INDEX action_delivery_order   ON action_delivery (sink, order_key, outbox_id) WHERE state = 'pending';
CREATE INDEX action_delivery_give_up ON action_delivery (give_up_at) WHERE state = 'pending';
CREATE INDEX action_delivery_dead    ON action_delivery (outbox_id, sink) WHERE state = 'dead';

-- How many rows wait changes faster than any statistics: a plan made for an empty queue would read a
-- full one from end to end. Without statistics the planner keeps to the indexes that fit.
ALTER TABLE action_delivery
  ALTER COLUMN state SET STATISTICS 0,
  ALTER COLUMN sink SET STATISTICS 0,
  ALTER COLUMN order_key SET STATISTICS 0,
  ALTER COLUMN due_at SET STATISTICS 0,
  ALTER COLUMN give_up_at SET STATISTICS 0;
