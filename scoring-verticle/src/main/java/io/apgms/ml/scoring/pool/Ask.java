package io.apgms.ml.scoring.pool;

/**
 * Rows of one version on their way to a scoring process.
 *
 * @param id the sender's own, echoed in the answer
 * @param replyTo address the {@link Answer} is sent to
 * @param batch whether all rows count or none, and they queue apart from single rows
 * @param rows row-major [count, width], NaN where missing
 * @param deadlinesNanos of {@link System#nanoTime()} here, one a row, one for a batch; on the wire
 *     microseconds that are left, as no clock is shared
 */
@SuppressWarnings("ArrayRecordComponent") // read by one side at a time; never compared
record Ask(
    long id,
    String replyTo,
    VersionKey version,
    boolean batch,
    int width,
    float[] rows,
    long[] deadlinesNanos) {
  int count() {
    return rows.length / width;
  }
}
