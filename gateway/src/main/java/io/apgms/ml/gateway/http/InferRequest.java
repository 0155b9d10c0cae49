package io.apgms.ml.gateway.http;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A parsed inference request of the Open Inference Protocol.
 *
 * @param id the caller's own, echoed
 * @param rows row-major [count, features], NaN where missing
 * @param outputs in the order asked for
 * @param timeoutMs from the {@code timeout} parameter; null where it is left out
 */
@SuppressWarnings("ArrayRecordComponent") // handed over once; never compared
record InferRequest(
    @Nullable String id, float[] rows, int count, List<Output> outputs, @Nullable Long timeoutMs) {

  /** What can be asked for; the protocol's names and types. */
  enum OutputName {
    score("FP64"),
    recommendation("BYTES"),
    prediction_id("BYTES");

    final String datatype;

    OutputName(String datatype) {
      this.datatype = datatype;
    }
  }

  /** An output and how it is wanted. */
  record Output(OutputName name, boolean binary) {}
}
