package io.apgms.ml.scoring;

/**
 * The results of a {@link ScoreChunk}.
 *
 * @param id of the chunk
 * @param results in the order of its requests
 */
@SuppressWarnings("ArrayRecordComponent") // travels by reference; never compared
public record ScoredChunk(long id, ScoreResult[] results) {}
