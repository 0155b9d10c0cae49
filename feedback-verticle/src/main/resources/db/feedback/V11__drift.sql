-- What was scored, by column of a version, in buckets of ten minutes: counts in the cells of the
-- baseline it was trained on. Every replica adds to the bucket of now, by this database's clock. The
-- column '' is the score; cells stand in the order of the manifest's histogram.
CREATE TABLE drift_count (
  model_id        text        NOT NULL,
  model_version   text        NOT NULL,
  feature         text        NOT NULL,
  at              timestamptz NOT NULL,
  baseline        bigint[]    NOT NULL,
  cells           bigint[]    NOT NULL CHECK (cardinality(cells) = cardinality(baseline)),
  missing         bigint      NOT NULL, -- of what was scored
  refused_missing bigint      NOT NULL, -- requests that were refused for it
  refused_range   bigint      NOT NULL,
  reviews         bigint      NOT NULL, -- of the score
  PRIMARY KEY (at, model_id, model_version, feature)
) WITH (fillfactor = 70);               -- the rows of now are written every few seconds

-- How far each replica has reported, so that a report whose answer was lost counts once.
CREATE TABLE drift_reporter (
  id  uuid        NOT NULL PRIMARY KEY,
  seq bigint      NOT NULL,
  at  timestamptz NOT NULL
);

-- A day (UTC) of a column of a version, written once when it is over. psi and jensen_shannon are null
-- where the day had too few rows, or the column has no baseline.
CREATE TABLE feature_drift (
  day             date        NOT NULL,
  model_id        text        NOT NULL,
  model_version   text        NOT NULL,
  feature         text        NOT NULL,
  rows            bigint      NOT NULL,
  baseline        bigint[]    NOT NULL,
  cells           bigint[]    NOT NULL,
  missing         bigint      NOT NULL,
  refused_missing bigint      NOT NULL,
  refused_range   bigint      NOT NULL,
  reviews         bigint      NOT NULL,
  psi             double precision,
  jensen_shannon  double precision,
  threshold       double precision,
  verdict         text        NOT NULL
                  CHECK (verdict IN ('drifted', 'stable', 'insufficient data', 'no baseline')),
  PRIMARY KEY (day, model_id, model_version, feature)
);
