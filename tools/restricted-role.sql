-- The role the service runs as where its tables belong to another one: it adds to the audit log and to
-- the revisions, and changes or removes nothing there. Run as the tables' owner, after the service has
-- migrated them once as that owner; give the role LOGIN and a password of its own.
CREATE ROLE ml_service NOINHERIT;
GRANT USAGE ON SCHEMA registry TO ml_service;
GRANT SELECT ON ALL TABLES IN SCHEMA registry TO ml_service;
GRANT INSERT ON registry.audit_log, registry.deployment TO ml_service;
GRANT UPDATE ON registry.audit_head TO ml_service;
GRANT INSERT, UPDATE ON registry.pointer TO ml_service;
GRANT INSERT, UPDATE, DELETE ON registry.forced_mode, registry.replica TO ml_service;
