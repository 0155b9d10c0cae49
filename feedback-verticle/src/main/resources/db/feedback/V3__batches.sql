-- What was stored in one transaction, as the leaves of a Merkle tree (RFC 9162, section 2.1). A leaf's
-- data is the decision's first twenty columns as COPY TO STDOUT (FORMAT binary) gives them, without
-- its header and trailer. A seal puts one root over many batches into the audit chain.
CREATE SEQUENCE decision_batch_id;

CREATE TABLE decision_batch (
  id       bigint      NOT NULL PRIMARY KEY,
  at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  leaves   bytea       NOT NULL CHECK (octet_length(leaves) > 0 AND octet_length(leaves) % 32 = 0),
  root     bytea       CHECK (octet_length(root) = 32),
  seal     bigint,     -- seq of the audit row that holds the root over this batch's root
  position integer,    -- of this batch's root under it
  CHECK ((root IS NULL) = (seal IS NULL) AND (position IS NULL) = (seal IS NULL))
);

-- Hashes do not compress.
ALTER TABLE decision_batch ALTER COLUMN leaves SET STORAGE EXTERNAL;

-- Those that wait have no seal.
CREATE INDEX decision_batch_seal ON decision_batch (seal, id);

-- Null in rows of the version before: they are in no batch.
ALTER TABLE decision
  ADD COLUMN batch bigint,
  ADD COLUMN leaf  integer;
