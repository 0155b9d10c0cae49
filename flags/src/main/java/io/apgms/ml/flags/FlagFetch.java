package io.apgms.ml.flags;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** One question to the flag service. */
interface FlagFetch {
  /**
   * Asks for the flags; blocks for a bounded time.
   *
   * @param etag of the answer that is known; null for none
   */
  Answer fetch(@Nullable String etag) throws IOException, InterruptedException;

  /**
   * What the service said, whatever it is.
   *
   * @param type the Content-Type, empty where there is none
   */
  @SuppressWarnings("ArrayRecordComponent") // handed over once; never compared
  record Answer(int status, String type, @Nullable String etag, byte[] body) {}
}
