package io.apgms.ml.scoring;

/**
 * What one event loop gathered in one tick, sent to {@link ScoringVerticle#ADDRESS}.
 *
 * @param id the sender's own, echoed in the answer
 * @param replyTo address the {@link ScoredChunk} is sent to
 */
@SuppressWarnings("ArrayRecordComponent") // travels by reference; never compared
public record ScoreChunk(long id, String replyTo, ScoreRequest[] requests) {}
