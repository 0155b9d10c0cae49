package io.apgms.ml.feedback;

import static io.apgms.ml.feedback.OutboxRows.A;
import static io.apgms.ml.feedback.OutboxRows.B;
import static io.apgms.ml.feedback.OutboxRows.answered;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReleasesTest {
  private static final Instant NOON = Instant.parse("2026-11-23T12:00:00Z");

  @TempDir Path dir;
  private final OutboxRows rows = new OutboxRows();
  private Spool spool;
  private Labels labels;

  @BeforeEach
  void open() {
    spool = Spool.open(dir, 1 << 20);
    labels = new Labels(rows.database.db, spool, TestDatabase.SPOOLS, (label, source) -> {});
  }

  @AfterEach
  void close() {
    spool.close();
  }

  private void label(UUID id, NewLabel.Label label, Instant observedAt) {
    NewLabel sent =
        new NewLabel(
            id, "m", "20261123", label, NewLabel.Source.OPERATOR, "ann", null, null, observedAt);
    TestDatabase.get(labels.record(sent, new Labels.Key("ann", null, new byte[] {1})));
  }

  private void falsePositive(UUID id) {
    label(id, NewLabel.Label.FALSE_POSITIVE, NOON);
  }

  private long releases() {
    return rows.database.count("feedback.action_outbox WHERE kind = 'release'");
  }

  @Test
  void label_holdThatNobodySaw_cancelsIt() {
    falsePositive(rows.hold("e1"));
    assertThat(rows.outbox("cancelled")).isEqualTo(1);
    assertThat(releases()).isZero();
    assertThat(rows.fanOut(A)).isZero();
  }

  @Test
  void label_holdThatWaitsUntried_cancelsIt() {
    UUID id = rows.hold("e1");
    rows.fanOut(A, B);
    falsePositive(id);
    assertThat(rows.outbox("cancelled")).isEqualTo(1);
    assertThat(rows.deliveries("cancelled")).isEqualTo(2);
    assertThat(releases()).isZero();
    assertThat(rows.claim(10, A, B)).isEmpty();
  }

  @Test
  void label_holdThatOneSinkGot_isReleasedThereAndCancelledAtTheOther() {
    UUID id = rows.hold("e1");
    rows.fanOut(A, B);
    rows.marked(rows.claim(1, A).get(0), answered(200));
    falsePositive(id);
    List<Delivery> release = rows.claim(10, A, B);
    assertThat(release).hasSize(1);
    assertThat(release.get(0).kind()).isEqualTo("release");
    assertThat(release.get(0).sink()).isEqualTo(A.id());
    assertThat(release.get(0).predictionId()).isEqualTo(id);
    rows.marked(release.get(0), answered(200));
    assertThat(rows.outbox("sent")).isEqualTo(1);
    assertThat(rows.outbox("cancelled")).isEqualTo(1); // the hold: the worst of its two
    falsePositive(id);
    assertThat(releases()).isEqualTo(1);
  }

  @Test
  void label_holdWhoseFateIsUnknown_isReleasedToo() {
    UUID id = rows.hold("e1");
    rows.fanOut(A);
    rows.marked(rows.claim(1, A).get(0), SendResult.unreachable("no answer in time", NOON));
    falsePositive(id);
    assertThat(rows.claim(10, A)).extracting(Delivery::kind).containsExactly("release");
  }

  @Test
  void label_holdUnderWay_isReleasedAfterItsEndAndNotSentAgain() {
    UUID id = rows.hold("e1");
    rows.fanOut(A);
    Delivery underWay = rows.claim(1, A).get(0);
    assertThat(underWay.withdrawn()).isFalse();
    falsePositive(id);
    assertThat(rows.claim(10, A)).isEmpty(); // the release waits behind it
    rows.marked(underWay, answered(500));
    rows.dueNow();
    Delivery again = rows.claim(10, A).get(0);
    assertThat(again.kind()).isEqualTo("hold");
    assertThat(again.withdrawn()).isTrue();
    rows.marked(again, SendResult.unsent(SendResult.Kind.CANCELLED, Releases.REASON));
    assertThat(rows.claim(10, A)).extracting(Delivery::kind).containsExactly("release");
  }

  @Test
  void label_ofAFile_releasesAsWell() {
    UUID sent = rows.hold("e1");
    rows.fanOut(A);
    rows.marked(rows.claim(1, A).get(0), answered(200));
    UUID unseen = rows.hold("e2");
    List<Backfill.Line> lines = List.of(line(1, sent), line(2, unseen));
    try (Backfill file =
        Backfill.open(
            rows.database.direct(), spool, TestDatabase.SPOOLS, "ann", (label, source) -> {})) {
      assertThat(file.write(lines).recorded()).isEqualTo(2);
      assertThat(file.write(lines).repeated()).isEqualTo(2);
    }
    assertThat(releases()).isEqualTo(1);
    assertThat(rows.outbox("cancelled")).isEqualTo(1);
    List<Delivery> released = rows.claim(10, A);
    assertThat(released).extracting(Delivery::predictionId).containsExactly(sent);
    assertThat(released.get(0).traceparent()).isEqualTo(OutboxRows.TRACE); // the hold's
  }

  private static Backfill.Line line(int number, UUID id) {
    NewLabel label =
        new NewLabel(
            id,
            "m",
            "20261123",
            NewLabel.Label.FALSE_POSITIVE,
            NewLabel.Source.OPERATOR,
            "ann",
            null,
            null,
            NOON);
    return new Backfill.Line(number, label, "key-" + number, new byte[] {(byte) number});
  }

  /** The newest by observedAt counts, whatever comes in late. */
  @Test
  void label_thatDoesNotCount_releasesNothing() {
    UUID id = rows.hold("e1");
    rows.fanOut(A);
    rows.marked(rows.claim(1, A).get(0), answered(200));
    label(id, NewLabel.Label.TRUE_POSITIVE, NOON.plusSeconds(60));
    falsePositive(id);
    assertThat(releases()).isZero();
    label(id, NewLabel.Label.FALSE_POSITIVE, NOON.plusSeconds(120));
    assertThat(releases()).isEqualTo(1);
  }

  @Test
  void label_otherThanFalsePositive_releasesNothing() {
    UUID id = rows.hold("e1");
    rows.fanOut(A);
    rows.marked(rows.claim(1, A).get(0), answered(200));
    label(id, NewLabel.Label.TRUE_POSITIVE, NOON);
    assertThat(releases()).isZero();
  }
}
