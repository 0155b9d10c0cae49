package io.apgms.ml.gateway.http;

import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** An answer that is a refusal: RFC 9457 problem details. Carries no stack trace. */
public final class Problem extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int status;
  private final transient List<FieldError> errors;
  private final int retryAfterSeconds;
  private final transient @Nullable UUID predictionId;

  private Problem(
      int status,
      String detail,
      List<FieldError> errors,
      int retryAfterSeconds,
      @Nullable UUID predictionId) {
    super(detail, null, false, false);
    this.status = status;
    this.errors = List.copyOf(errors);
    this.retryAfterSeconds = retryAfterSeconds;
    this.predictionId = predictionId;
  }

  public static Problem of(int status, String detail) {
    return new Problem(status, detail, List.of(), 0, null);
  }

  /** 422 naming each field. */
  public static Problem fields(List<FieldError> errors) {
    return new Problem(422, "the request has fields that cannot be taken", errors, 0, null);
  }

  /** A refusal for several reasons. */
  public static Problem of(int status, String detail, List<FieldError> errors) {
    return new Problem(status, detail, errors, 0, null);
  }

  public static Problem field(int status, String pointer, String detail) {
    return new Problem(status, detail, List.of(new FieldError(pointer, detail)), 0, null);
  }

  /** 503 or 429 that passes by itself. */
  public static Problem busy(int status, String detail) {
    return new Problem(status, detail, List.of(), 1, null);
  }

  /** 503 for a decision whose commit may or may not have happened: the id finds the one truth. */
  public static Problem unknownOutcome(UUID predictionId) {
    return new Problem(
        503,
        "whether the decision was committed is unknown; ask for the prediction, or send the same"
            + " requestId again",
        List.of(),
        1,
        predictionId);
  }

  public int status() {
    return status;
  }

  /** The text of the refusal. */
  public String detail() {
    return String.valueOf(getMessage());
  }

  public List<FieldError> errors() {
    return errors;
  }

  /** Seconds for {@code Retry-After}; 0 for none. */
  public int retryAfterSeconds() {
    return retryAfterSeconds;
  }

  public @Nullable UUID predictionId() {
    return predictionId;
  }
}
