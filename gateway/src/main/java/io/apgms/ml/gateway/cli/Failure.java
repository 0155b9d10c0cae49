package io.apgms.ml.gateway.cli;

/** A command that ends with a message and an exit code, without a stack trace. */
final class Failure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** The answer is no. */
  static final int NO = 1;

  /** The command was used wrongly. */
  static final int USAGE = 2;

  /** It could not be done: a server or the database is away. */
  static final int UNAVAILABLE = 3;

  private final int exitCode;

  Failure(int exitCode, String message) {
    super(message);
    this.exitCode = exitCode;
  }

  int exitCode() {
    return exitCode;
  }
}
