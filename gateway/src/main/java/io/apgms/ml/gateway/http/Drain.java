package io.apgms.ml.gateway.http;

/**
 * Whether this replica leaves. From then on it is not ready, and each HTTP/1.1 answer asks for the
 * connection to be closed: a client that keeps its connections moves to another replica while this
 * one still serves. For any thread.
 */
public final class Drain {
  private volatile boolean begun;

  /** There is no way back. */
  public void begin() {
    begun = true;
  }

  public boolean begun() {
    return begun;
  }
}
