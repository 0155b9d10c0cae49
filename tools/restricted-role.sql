-- The role the service runs as where its tables belong to another one: it adds to the audit log and to
-- the revisions, and changes or removes nothing there. Run as the tables' owner, after the service has
-- migrated them once as that owner; give the role LOGIN and a password of its own. A release that
-- brings tables needs the grants again.
CREATE ROLE ml_service NOINHERIT;
GRANT USAGE ON SCHEMA registry TO ml_service;
GRANT SELECT ON ALL TABLES IN SCHEMA registry TO ml_service;
GRANT INSERT ON registry.audit_log, registry.deployment TO ml_service;
GRANT INSERT ON registry.ticket, registry.ticket_evidence, registry.approval,
  registry.approval_withdrawal, registry.ticket_closure, registry.ticket_replay TO ml_service;
GRANT USAGE ON SEQUENCE registry.ticket_id_seq TO ml_service;
GRANT UPDATE (at) ON registry.ticket TO ml_service; -- to lock its rows; a trigger refuses any change
GRANT INSERT, UPDATE ON registry.trial TO ml_service; -- a trigger refuses all but its end
GRANT UPDATE ON registry.audit_head TO ml_service;
GRANT INSERT, UPDATE ON registry.pointer TO ml_service;
GRANT INSERT, UPDATE, DELETE ON registry.forced_mode, registry.replica, registry.error_budget,
  registry.error_budget_reporter TO ml_service;
GRANT INSERT, UPDATE ON registry.rollback_drill TO ml_service;
GRANT UPDATE ON registry.jira_cursor TO ml_service;
GRANT INSERT ON registry.jira_issue, registry.jira_skipped TO ml_service;
GRANT INSERT ON registry.retraining TO ml_service;
GRANT USAGE ON SEQUENCE registry.retraining_id_seq TO ml_service;
GRANT INSERT, UPDATE, DELETE ON registry.alert TO ml_service;
GRANT UPDATE ON registry.pagerduty_cursor TO ml_service;
