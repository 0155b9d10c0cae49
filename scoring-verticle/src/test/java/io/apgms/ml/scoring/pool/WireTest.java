package io.apgms.ml.scoring.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.apgms.ml.scoring.ExplainResult;
import io.apgms.ml.scoring.Explanation;
import io.apgms.ml.scoring.ScoreResult.Outcome;
import io.apgms.ml.scoring.ScoringException;
import io.vertx.core.buffer.Buffer;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class WireTest {
  private static final long NOW = 1_000_000;
  private static final List<Outcome> ALL = List.of(Outcome.values());
  private static final List<Function<Buffer, Buffer>> AGAIN =
      List.of(
          b -> Wire.encode(Wire.decodeAsk(b, NOW), NOW),
          b -> Wire.encode(Wire.decodeAnswer(b)),
          b -> Wire.encode(Wire.decodeAnnouncement(b)),
          b -> Wire.encode(Wire.decodeExplain(b)),
          b -> Wire.encode(Wire.decodeExplained(b)));

  private static String text(SplittableRandom random) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(0, 40); i > 0; i--) {
      text.appendCodePoint(random.nextInt(10) == 0 ? 0x1F600 : random.nextInt('!', 0x300));
    }
    return text.toString();
  }

  private static VersionKey key(SplittableRandom random) {
    return new VersionKey(text(random), text(random), text(random));
  }

  private static float[] reals(SplittableRandom random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = random.nextInt(5) == 0 ? Float.NaN : (float) (random.nextGaussian() * 1e6);
    }
    return values;
  }

  private static Ask ask(SplittableRandom random) {
    int width = random.nextInt(1, 40);
    int count = random.nextInt(1, 60);
    boolean batch = random.nextBoolean();
    long[] deadlines = new long[batch ? 1 : count];
    for (int i = 0; i < deadlines.length; i++) {
      deadlines[i] = NOW + 1_000L * random.nextInt(-5_000, 60_000_000);
    }
    float[] rows = reals(random, width * count);
    return new Ask(random.nextLong(), text(random), key(random), batch, width, rows, deadlines);
  }

  private static Buffer any(SplittableRandom random, int kind) {
    return switch (kind) {
      case 0 -> Wire.encode(ask(random), NOW);
      case 1 -> {
        Outcome[] outcomes = new Outcome[random.nextInt(1, 50)];
        double[] scores = new double[random.nextInt(0, 50)];
        for (int i = 0; i < outcomes.length; i++) {
          outcomes[i] = ALL.get(random.nextInt(ALL.size()));
        }
        for (int i = 0; i < scores.length; i++) {
          scores[i] = random.nextDouble();
        }
        yield Wire.encode(
            new Answer(random.nextLong(), text(random), key(random), outcomes, scores));
      }
      case 2 ->
          Wire.encode(
              new Announcement(
                  text(random),
                  text(random),
                  random.nextInt(1, 1 << 30),
                  Set.of(key(random), new VersionKey("m", "v", "d"))));
      case 3 ->
          Wire.encode(
              new Wire.Explain(
                  key(random),
                  reals(random, random.nextInt(1, 60)),
                  random.nextDouble(),
                  random.nextInt()));
      default ->
          Wire.encode(
              random.nextBoolean()
                  ? new ExplainResult(Outcome.OVERLOADED, null)
                  : new ExplainResult(
                      Outcome.SCORED,
                      new Explanation(reals(random, random.nextInt(1, 60)), 0.5, 0.01, 77)));
    };
  }

  @Test
  void encoded_anyMessage_readsAsItWasWritten() {
    SplittableRandom random = new SplittableRandom(41);
    for (int i = 0; i < 5_000; i++) {
      int kind = i % AGAIN.size();
      Buffer written = any(random, kind);
      assertThat(AGAIN.get(kind).apply(written))
          .as("kind %d, message %d", kind, i)
          .isEqualTo(written);
    }
  }

  @Test
  void ask_readElsewhere_isTheSame() {
    SplittableRandom random = new SplittableRandom(42);
    for (int i = 0; i < 500; i++) {
      Ask ask = ask(random);
      Ask read = Wire.decodeAsk(Wire.encode(ask, NOW), NOW);
      assertThat(read.rows()).isEqualTo(ask.rows());
      assertThat(read.deadlinesNanos()).isEqualTo(ask.deadlinesNanos());
      assertThat(read)
          .usingRecursiveComparison()
          .ignoringFields("rows", "deadlinesNanos")
          .isEqualTo(ask);
      Ask elsewhere = Wire.decodeAsk(Wire.encode(ask, NOW), -7 * NOW);
      assertThat(elsewhere.deadlinesNanos()[0] + 8 * NOW).isEqualTo(ask.deadlinesNanos()[0]);
    }
  }

  @Test
  void decode_cutOrLongerOrAnotherKind_isRefused() {
    SplittableRandom random = new SplittableRandom(43);
    for (int i = 0; i < 200; i++) {
      int kind = i % AGAIN.size();
      Buffer written = any(random, kind);
      for (int length = 0; length < written.length(); length++) {
        Buffer cut = written.getBuffer(0, length);
        assertThatThrownBy(() -> AGAIN.get(kind).apply(cut))
            .isInstanceOf(ScoringException.Malformed.class);
      }
      assertThatThrownBy(() -> AGAIN.get(kind).apply(written.copy().appendByte((byte) 0)))
          .isInstanceOf(ScoringException.Malformed.class)
          .hasMessageContaining("1 bytes too many");
      assertThatThrownBy(() -> AGAIN.get((kind + 1) % AGAIN.size()).apply(written))
          .isInstanceOf(ScoringException.Malformed.class)
          .hasMessageContaining("expected format 1, kind");
    }
  }

  @Test
  void decode_moreRowsThanAllowed_isRefusedBeforeAnythingIsAllocated() {
    SplittableRandom random = new SplittableRandom(44);
    Buffer written =
        Wire.encode(
            new Ask(1, "", new VersionKey("", "", ""), false, 1, new float[1], new long[1]), 0);
    int countAt = written.length() - 4 - 4 - 4;
    for (int rows : new int[] {0, -1, Wire.MAX_ROWS + 1, Integer.MAX_VALUE, random.nextInt()}) {
      Buffer changed = written.copy().setInt(countAt, rows);
      assertThatThrownBy(() -> Wire.decodeAsk(changed, 0))
          .isInstanceOf(ScoringException.Malformed.class);
    }
  }

  /** Any bytes: the declared refusal, or a message that reads again as it is written. */
  @FuzzTest(maxDuration = "30s")
  void decode_anyBytes_areRefusedOrReadAgain(byte[] bytes) {
    for (Function<Buffer, Buffer> again : AGAIN) {
      Buffer once;
      try {
        once = again.apply(Buffer.buffer(bytes));
      } catch (ScoringException.Malformed refused) {
        continue;
      }
      if (!again.apply(once).equals(once)) {
        throw new AssertionError("a message that does not read as it was written");
      }
    }
  }
}
