-- Rows that two versions of a model have scored while the second was on trial, one a decision: which
-- version answered it is in the decision. Nothing here names anybody.
CREATE TABLE trial_pair (
  prediction_id uuid             NOT NULL PRIMARY KEY,
  trial         uuid             NOT NULL,
  model_id      text             NOT NULL,
  base_score    double precision NOT NULL CHECK (base_score >= 0 AND base_score <= 1),
  base_review   boolean          NOT NULL,
  second_score  double precision CHECK (second_score >= 0 AND second_score <= 1),
  second_review boolean,         -- null with its score: the second version gave none
  CHECK ((second_score IS NULL) = (second_review IS NULL))
);

-- Their sums, a row a replica, kept by the statement that stores the pairs.
CREATE TABLE trial_sum (
  trial          uuid             NOT NULL,
  replica        text             NOT NULL,
  pairs          bigint           NOT NULL,
  errors         bigint           NOT NULL,
  disagreements  bigint           NOT NULL,
  sum_difference double precision NOT NULL,
  sum_squares    double precision NOT NULL,
  dropped        bigint           NOT NULL, -- not compared, since too many waited
  at             timestamptz      NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (trial, replica)
);
