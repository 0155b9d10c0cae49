-- What each feature added to the score, where the caller asked: null otherwise, all four together.
-- Columns without a default are added without touching a row; a check over them would read them all.
ALTER TABLE decision
  ADD COLUMN contributions  real[],
  ADD COLUMN baseline       double precision,
  ADD COLUMN standard_error double precision,
  ADD COLUMN rows_scored    integer;
