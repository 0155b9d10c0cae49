-- Where the others ask a replica how far it follows, and what it cannot serve, with the reason.
ALTER TABLE registry.replica ADD COLUMN address text;
ALTER TABLE registry.replica ADD COLUMN failures jsonb NOT NULL DEFAULT '{}';
