package io.apgms.ml.scoring;

/**
 * The results of a {@link ScoreChunk}.
 *
 * @param id of the chunk
 * @param results in the order of its requests
 * @param startedNanos when the first batch with a row of it began, by {@link System#nanoTime()}
 * @param batchRows rows of its largest batch, those of other chunks included; 0 where no row was
 *     taken to the model
 */
@SuppressWarnings("ArrayRecordComponent") // travels by reference; never compared
public record ScoredChunk(long id, ScoreResult[] results, long startedNanos, int batchRows) {
  /** Of a chunk that never came to the model. */
  public ScoredChunk(long id, ScoreResult[] results) {
    this(id, results, 0, 0);
  }
}
