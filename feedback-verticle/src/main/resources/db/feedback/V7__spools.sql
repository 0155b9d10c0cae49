-- How far the spool of each replica has shipped: no decision of that replica whose id is older waits
-- for the table any more. A replica that stops with an empty spool takes its row away; the row of one
-- that died stays until its volume is back, or until an operator says that the spool is lost.
CREATE TABLE spool (
  replica    text        NOT NULL PRIMARY KEY CHECK (length(replica) BETWEEN 1 AND 255),
  shipped_ms bigint      NOT NULL, -- time in a UUIDv7: the replica's own clock, since 1970
  seen_at    timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);          -- few rows, each written twice a second
