package io.apgms.ml.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.apgms.ml.feedback.Backfill;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class LabelLinesTest {
  private static final Instant NOW = Instant.parse("2026-11-24T12:00:00Z");
  private static final int MAX = 65_536;

  private final List<Backfill.Line> written = new ArrayList<>();
  private final List<Integer> batches = new ArrayList<>();

  private LabelLines lines(long before) {
    return new LabelLines(
        "ann",
        before,
        MAX,
        () -> NOW,
        batch -> {
          batches.add(batch.size());
          written.addAll(batch);
          return new Backfill.Outcome(batch.size(), 0, List.of());
        });
  }

  private static String label(String more) {
    return "{\"predictionId\":\"01a20b18-06d9-780d-a669-e471754ece28\",\"modelId\":\"m\","
        + "\"modelVersion\":\"20261123\",\"label\":\"TRUE_POSITIVE\",\"source\":\"FINANCE\""
        + more
        + "}";
  }

  private JsonNode take(String file) {
    return take(file.getBytes(StandardCharsets.UTF_8));
  }

  private JsonNode take(byte[] file) {
    LabelLines lines = lines(0);
    lines.take(file);
    lines.finish();
    return lines.json();
  }

  @SuppressWarnings("ArrayRecordComponent") // read, never compared
  private record Bad(byte[] line, String reason) {}

  /** What is wrong with a line, and what its reason must say. */
  private static List<Bad> bad() {
    List<Bad> bad = new ArrayList<>();
    text(bad, "{\"predictionId\":", "malformed JSON");
    text(bad, label("") + label(""), "bytes after the JSON value");
    text(bad, "[]", "expected a JSON object");
    text(bad, label(",\"label\":\"TRUE_POSITIVE\""), "a key that stands twice");
    text(bad, label(",\"extra\":1"), "/extra: unknown");
    text(bad, label(",\"notes\":\"" + "n".repeat(2_001) + "\""), "2001 characters");
    text(bad, label(",\"observedAt\":\"2026-11-24T12:06:00Z\""), "expected a time from");
    text(bad, label(",\"observedAt\":\"2025-05-24T11:59:59Z\""), "expected a time from");
    text(bad, label(",\"observedAt\":\"yesterday\""), "expected RFC 3339");
    text(bad, label(",\"metadata\":{\"a\":\"" + "x".repeat(16_384) + "\"}"), "at most 16384");
    text(bad, label(",\"metadata\":" + "{\"a\":".repeat(40) + "1" + "}".repeat(41)), "deeper");
    text(bad, label(",\"metadata\":{\"a\":1e400}"), "beyond the range");
    text(bad, label(",\"notes\":\"\\ud800\""), "lone surrogate");
    text(bad, label(",\"notes\":\"\\u0000\""), "U+0000");
    text(bad, label(",\"submittedBy\":7"), "expected a string");
    text(bad, label(",\"idempotencyKey\":\"\""), "blank");
    text(bad, label("").replace("TRUE_POSITIVE", "MAYBE"), "expected one of");
    text(bad, label("").replace("01a20b18", "zz"), "expected a UUID");
    text(bad, " ".repeat(MAX) + label(""), "more bytes than expected: at most 65536");
    bad.add(new Bad(label("").getBytes(StandardCharsets.UTF_16LE), "not UTF-8"));
    bad.add(new Bad(("\ufeff" + label("")).getBytes(StandardCharsets.UTF_8), "byte order mark"));
    bad.add(new Bad(label(",\"notes\":\"é\"").getBytes(StandardCharsets.ISO_8859_1), "not UTF-8"));
    return bad;
  }

  private static void text(List<Bad> bad, String line, String reason) {
    bad.add(new Bad(line.getBytes(StandardCharsets.UTF_8), reason));
  }

  @Test
  void take_everyKindOfBadLine_namesItAndKeepsTheOthers() throws Exception {
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    List<String> reasons = bad().stream().map(Bad::reason).toList();
    for (Bad bad : bad()) {
      file.write(bad.line());
      file.write('\n');
      file.write(label("").getBytes(StandardCharsets.UTF_8));
      file.write('\n');
    }
    JsonNode answer = take(file.toByteArray());
    List<JsonNode> rejections = new ArrayList<>();
    answer.path("rejections").forEach(rejections::add);
    assertThat(rejections).hasSize(reasons.size());
    for (int i = 0; i < reasons.size(); i++) {
      JsonNode rejection = rejections.get(i);
      assertThat(rejection.path("line").asLong()).isEqualTo(2L * i + 1);
      assertThat(rejection.path("reason").asText()).contains(reasons.get(i));
    }
    assertThat(answer.path("recorded").asInt()).isEqualTo(reasons.size());
    assertThat(answer.path("lines").asInt()).isEqualTo(2 * reasons.size());
  }

  @Test
  void take_aLineOfAGigabyte_isPassedOverWithoutKeepingIt() {
    LabelLines lines = lines(0);
    byte[] chunk = new byte[1 << 20];
    Arrays.fill(chunk, (byte) 'x');
    long before = usedBytes();
    for (int i = 0; i < 1_024; i++) {
      lines.take(chunk);
    }
    assertThat(usedBytes() - before).isLessThan(16L << 20);
    lines.take(("\n" + label("") + "\n").getBytes(StandardCharsets.UTF_8));
    lines.finish();
    assertThat(lines.json().path("recorded").asInt()).isEqualTo(1);
    assertThat(lines.json().at("/rejections/0/line").asInt()).isEqualTo(1);
  }

  private static long usedBytes() {
    System.gc();
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }

  @Test
  void take_anyCutOfTheFile_isTheSameFile() {
    byte[] file =
        (label(",\"notes\":\"ü\"") + "\r\n\n  \n" + label("") + "\nnonsense\n" + label(""))
            .getBytes(StandardCharsets.UTF_8);
    String whole = take(file).toString();
    assertThat(whole).contains("\"lines\":6", "\"recorded\":3", "\"rejected\":1");
    SplittableRandom random = new SplittableRandom(7);
    for (int run = 0; run < 200; run++) {
      LabelLines lines = lines(0);
      for (int at = 0; at < file.length; ) {
        int end = Math.min(file.length, at + 1 + random.nextInt(90));
        lines.take(Arrays.copyOfRange(file, at, end));
        at = end;
      }
      lines.finish();
      assertThat(lines.json().toString()).isEqualTo(whole);
    }
  }

  @Test
  void take_manyLines_writesInBatchesAndSaysHowFarItGot() {
    LabelLines lines = lines(100);
    lines.take((label("") + "\n").repeat(4_500).getBytes(StandardCharsets.UTF_8));
    assertThat(batches).containsExactly(2_000, 2_000);
    assertThat(lines.committedLine()).isEqualTo(4_100);
    lines.finish();
    assertThat(batches).containsExactly(2_000, 2_000, 500);
    assertThat(lines.committedLine()).isEqualTo(4_600);
    assertThat(written.get(0).number()).isEqualTo(101);
  }

  @Test
  void take_writeFails_staysWhereItWas() {
    int[] calls = {0};
    LabelLines lines =
        new LabelLines(
            "ann",
            0,
            MAX,
            () -> NOW,
            batch -> {
              if (calls[0]++ == 1) {
                throw new IllegalStateException("away");
              }
              return new Backfill.Outcome(batch.size(), 0, List.of());
            });
    byte[] file = (label("") + "\n").repeat(4_000).getBytes(StandardCharsets.UTF_8);
    assertThatThrownBy(() -> lines.take(file)).hasMessage("away");
    assertThat(lines.committedLine()).isEqualTo(2_000);
  }

  @Test
  void take_badLines_areAllCountedAndAThousandTold() {
    JsonNode answer = take("x\n".repeat(1_234));
    assertThat(answer.path("rejected").asInt()).isEqualTo(1_234);
    assertThat(answer.path("rejections")).hasSize(1_000);
    assertThat(answer.path("rejectionsLeftOut").asInt()).isEqualTo(234);
  }

  @Test
  void key_ofALine_isWhatItSaysAndNotHowItIsSpelt() {
    take(
        label(",\"notes\":\"n\"")
            + "\n"
            + label(" , \"notes\" : \"\\u006e\"")
            + "\n"
            + label(",\"notes\":\"m\"")
            + "\n"
            + label(",\"idempotencyKey\":\"k\",\"notes\":\"n\"")
            + "\n");
    assertThat(written.get(0).key()).startsWith("sha256:").isEqualTo(written.get(1).key());
    assertThat(written.get(2).key()).isNotEqualTo(written.get(0).key());
    assertThat(written.get(3).key()).isEqualTo("k");
    assertThat(written.get(3).hash()).isEqualTo(written.get(0).hash());
  }
}
