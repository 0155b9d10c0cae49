package io.apgms.ml.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.gateway.http.JsonCorpus.Text;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Both JSON doors against every kind of text that is JSON, is none, or may be either. */
class JsonCorpusTest {
  private static final String GOOD = "\"modelId\":\"m\",\"inputs\":{\"ratio\":1,\"count\":1}";

  private final ScoreReader reader = JsonCorpus.reader();

  static List<Text> invalid() {
    return JsonCorpus.read("invalid");
  }

  static List<Text> valid() {
    return JsonCorpus.read("valid");
  }

  static List<Text> chosen() {
    return JsonCorpus.read("chosen");
  }

  private static int status(Consumer<byte[]> door, byte[] body) {
    try {
      door.accept(body);
      return 200;
    } catch (Problem problem) {
      return problem.status();
    }
  }

  /** The places of both doors where a text can stand: as the body, and where a value stands. */
  private List<Integer> everywhere(Text text) {
    return List.of(
        status(StrictJson::object, text.bytes()),
        status(StrictJson::object, text.in("{\"a\":", "}")),
        status(StrictJson::object, text.in("{\"a\":[1,", "]}")),
        status(reader::read, text.bytes()),
        status(reader::read, text.in("{" + GOOD + ",\"a\":", "}")),
        status(reader::read, text.in("{" + GOOD + ",\"requestId\":", "}")),
        status(reader::read, text.in("{" + GOOD + ",\"groups\":{\"a\":", "}}")),
        status(
            reader::read, text.in("{\"modelId\":\"m\",\"inputs\":{\"ratio\":", ",\"count\":1}}")),
        status(
            reader::read, text.in("{\"inputs\":{\"ratio\":", ",\"count\":1},\"modelId\":\"m\"}")));
  }

  @ParameterizedTest
  @MethodSource("invalid")
  void read_noJson_is400AtBothDoors(Text text) {
    assertThat(Rfc8259.accepts(text.bytes())).as("by the grammar").isFalse();
    assertThat(everywhere(text)).containsOnly(400);
  }

  @Test
  void read_deepAndOpen_is400AtBothDoors() {
    for (String text : List.of("[".repeat(100_000), "[{\"\":".repeat(50_000))) {
      assertThat(everywhere(new Text("deep", text.getBytes(StandardCharsets.UTF_8))))
          .containsOnly(400);
    }
  }

  @ParameterizedTest
  @MethodSource("valid")
  void read_json_isTakenAsAValue(Text text) {
    assertThat(Rfc8259.accepts(text.bytes())).as("by the grammar").isTrue();
    assertThat(status(StrictJson::object, text.in("{\"a\":", "}"))).isEqualTo(200);
    assertThat(everywhere(text)).as("never called malformed").doesNotContain(400);
  }

  @ParameterizedTest
  @MethodSource("chosen")
  void read_whatTheRfcLeavesOpen_getsTheChosenAnswer(Text text) {
    int expected = Integer.parseInt(text.name().substring(0, 3));
    assertThat(status(StrictJson::object, text.bytes())).isEqualTo(expected);
    int score = status(reader::read, text.bytes());
    // the score reader knows its keys: others are 422, before their values are looked at
    assertThat(score).isIn(400, 422);
    if (expected == 422) {
      assertThat(score).isEqualTo(422);
    }
  }

  /** The tables are worth something: a usual parser takes much of what they refuse. */
  @Test
  void tables_aLenientParser_isCaught() {
    ObjectMapper stock = new ObjectMapper();
    Predicate<Text> taken =
        text -> {
          try {
            return !stock.readTree(text.bytes()).isMissingNode();
          } catch (IOException e) {
            return false;
          }
        };
    List<Text> invalid = invalid();
    assertThat(invalid).hasSizeGreaterThanOrEqualTo(188);
    assertThat(invalid.stream().map(t -> new String(t.bytes(), StandardCharsets.ISO_8859_1)))
        .doesNotHaveDuplicates();
    assertThat(invalid.stream().map(Text::name)).doesNotHaveDuplicates();
    assertThat(invalid.stream().filter(taken).toList())
        .as("invalid texts that Jackson's own settings take")
        .hasSizeGreaterThanOrEqualTo(30);
    assertThat(
            chosen().stream()
                .filter(t -> t.name().startsWith("4"))
                .filter(taken)
                .collect(Collectors.toList()))
        .hasSizeGreaterThanOrEqualTo(10);
  }
}
