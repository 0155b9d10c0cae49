package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class DatabaseTest {
  private final TestDatabase database = new TestDatabase();
  private final AtomicInteger attempts = new AtomicInteger();

  /** A transaction that the server breaks off so many times. */
  private Future<Integer> write(int times, String sqlState) {
    return database.db.write(
        c ->
            attempts.incrementAndGet() > times
                ? Future.succeededFuture(attempts.get())
                : c.query(
                        "DO $$ BEGIN RAISE EXCEPTION 'planted' USING ERRCODE = '"
                            + sqlState
                            + "'; END $$")
                    .execute()
                    .map(attempts.get()));
  }

  @Test
  void write_brokenOffTwice_isBegunAgain() {
    assertThat(TestDatabase.get(write(2, "40P01"))).isEqualTo(3);
  }

  @Test
  void write_brokenOffAgainAndAgain_isUnavailable() {
    assertThatThrownBy(() -> TestDatabase.get(write(9, "40001")))
        .isInstanceOf(FeedbackException.Unavailable.class);
    assertThat(attempts).hasValue(3);
  }

  @Test
  void write_refusedOtherwise_isNotBegunAgain() {
    assertThatThrownBy(() -> TestDatabase.get(write(9, "23505")));
    assertThat(attempts).hasValue(1);
  }
}
