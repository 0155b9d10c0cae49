package io.apgms.ml.scoring.pool;

import io.apgms.ml.scoring.ScoreResult.Outcome;

/**
 * What became of an {@link Ask}.
 *
 * @param from address of the process that answers, whose credit it gives back
 * @param version that scored it
 * @param outcomes one a row; of a batch exactly one
 * @param scores one a row, 0 where there is none; of a batch none unless it was scored
 */
@SuppressWarnings("ArrayRecordComponent") // read by one side at a time; never compared
record Answer(long id, String from, VersionKey version, Outcome[] outcomes, double[] scores) {}
