-- How far a replica has read: the length of the audit log in the snapshot that it follows, so that who
-- changes a forced mode knows where it is in force. A replica of the release before leaves 0 there.
ALTER TABLE registry.replica ADD COLUMN audit_seq bigint NOT NULL DEFAULT 0;
