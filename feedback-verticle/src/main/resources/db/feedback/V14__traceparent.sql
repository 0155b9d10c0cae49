-- The trace that an action belongs to, as its W3C header: random numbers that name nobody. It is sent on
-- with the action, also after a restart.
ALTER TABLE action_outbox ADD COLUMN traceparent varchar(55);
