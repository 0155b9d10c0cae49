package io.apgms.ml.gateway.trace;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The cases of W3C Trace Context, section 3.2 and 4.2, and what anybody may send. */
class TraceparentTest {
  private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
  private static final String PARENT = "00f067aa0ba902b7";
  private static final String GOOD = "00-" + TRACE + "-" + PARENT + "-01";
  private static final int SEEDS = 200_000;

  /** The specification's grammar once more, by other means. */
  private static final Pattern GRAMMAR =
      Pattern.compile(
          "(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?",
          Pattern.DOTALL);

  private static Traceparent expected(String text) {
    Matcher m = GRAMMAR.matcher(text);
    if (text.length() > 512 || !m.matches() || (m.group(1).equals("00") && m.group(5) != null)) {
      return null;
    }
    return new Traceparent(m.group(2), m.group(3), (Integer.parseInt(m.group(4), 16) & 1) == 1);
  }

  @Test
  void parse_theSpecificationsExamples_areRead() {
    assertThat(Traceparent.parse(GOOD)).isEqualTo(new Traceparent(TRACE, PARENT, true));
    assertThat(Traceparent.parse("00-" + TRACE + "-" + PARENT + "-00"))
        .isEqualTo(new Traceparent(TRACE, PARENT, false));
  }

  @Test
  void parse_flagsThatAreNotKnown_areNotPassedOn() {
    Traceparent all = Traceparent.parse("00-" + TRACE + "-" + PARENT + "-ff");
    assertThat(all.traceparent()).isEqualTo(GOOD);
    Traceparent others = Traceparent.parse("00-" + TRACE + "-" + PARENT + "-fe");
    assertThat(others.traceparent()).endsWith("-00");
  }

  @Test
  void parse_aHigherVersion_isReadByItsFirstFieldsAndGoesOnAsOurs() {
    for (String more : List.of("", "-", "-what-the-future-will-be-like")) {
      Traceparent read = Traceparent.parse("cc" + GOOD.substring(2) + more);
      assertThat(read.traceparent()).isEqualTo(GOOD);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
        " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
        "00-4bf92f3577b34da6a3ce929d0e0e473.-00f067aa0ba902b7-01",
        "00-４bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
      })
  void parse_malformed_isIgnored(String text) {
    assertThat(Traceparent.parse(text)).isNull();
  }

  @Test
  void parse_longerThanAnyHeaderShouldBe_isIgnored() {
    String future = "cc" + GOOD.substring(2) + "-";
    assertThat(Traceparent.parse(future + "a".repeat(512 - future.length()))).isNotNull();
    assertThat(Traceparent.parse(future + "a".repeat(513 - future.length()))).isNull();
  }

  @Test
  void of_notExactlyOneHeader_isIgnored() {
    assertThat(Traceparent.of(List.of())).isNull();
    assertThat(Traceparent.of(List.of(GOOD))).isNotNull();
    assertThat(Traceparent.of(List.of(GOOD, GOOD))).isNull();
  }

  /** Whatever is sent is read as the grammar has it, and what goes on reads as the same again. */
  @Test
  void parse_anything_isWhatTheGrammarSays() {
    int read = 0;
    for (long seed = 0; seed < SEEDS; seed++) {
      String text = text(new SplittableRandom(seed));
      Traceparent parsed = Traceparent.parse(text);
      assertThat(parsed).as("seed %d: %s", seed, text).isEqualTo(expected(text));
      if (parsed != null) {
        read++;
        assertThat(parsed.traceparent()).matches(GRAMMAR).hasSize(55).startsWith("00-");
        assertThat(Traceparent.parse(parsed.traceparent())).isEqualTo(parsed);
      }
    }
    assertThat(read).isBetween(SEEDS / 20, SEEDS * 19 / 20); // both ways were tried
  }

  /** One that is well-formed, and up to three changes of a character, a length or a field. */
  private static String text(SplittableRandom random) {
    String alphabet = "0123456789abcdefABCDEFgx- .\u0000é";
    StringBuilder text =
        new StringBuilder(random.nextInt(3) == 0 ? "0" + random.nextInt(10) : "00").append('-');
    hex(random, text, 32);
    hex(random, text.append('-'), 16);
    hex(random, text.append('-'), 2);
    for (int change = random.nextInt(4); change > 0; change--) {
      int at = random.nextInt(text.length());
      switch (random.nextInt(6)) {
        case 0 -> text.setCharAt(at, alphabet.charAt(random.nextInt(alphabet.length())));
        case 1 -> text.setLength(at);
        case 2 -> text.append(random.nextBoolean() ? "-more" : "more");
        case 3 -> text.replace(0, Math.min(2, text.length()), "ff");
        case 4 -> text.insert(at, alphabet.charAt(random.nextInt(alphabet.length())));
        default -> zeros(text, random.nextBoolean() ? 3 : 36, random.nextBoolean() ? 35 : 52);
      }
      if (text.isEmpty()) {
        return "";
      }
    }
    return text.toString();
  }

  private static void hex(SplittableRandom random, StringBuilder to, int digits) {
    for (int i = 0; i < digits; i++) {
      to.append(Character.forDigit(random.nextInt(16), 16));
    }
  }

  private static void zeros(StringBuilder text, int from, int until) {
    for (int i = from; i < Math.min(until, text.length()); i++) {
      if (text.charAt(i) != '-') {
        text.setCharAt(i, '0');
      }
    }
  }
}
