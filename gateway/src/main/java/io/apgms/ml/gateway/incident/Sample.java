package io.apgms.ml.gateway.incident;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One line of a metrics page, in the Prometheus text format 0.0.4. */
public record Sample(String name, Map<String, String> labels, double value) {
  private static final Pattern LINE =
      Pattern.compile("([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\\{(.*)\\})? ([^ ]+)(?: [0-9]+)?");
  private static final Pattern LABEL =
      Pattern.compile("([a-zA-Z_][a-zA-Z0-9_]*)=\"((?:[^\"\\\\]|\\\\.)*)\",?");

  public record Key(String name, Map<String, String> labels) {}

  Key key() {
    return new Key(name, labels);
  }

  /** The samples of a page; lines that are none are passed over. */
  public static List<Sample> of(String page) {
    List<Sample> samples = new ArrayList<>();
    for (String line : page.lines().toList()) {
      Matcher match = LINE.matcher(line);
      if (!line.startsWith("#") && match.matches()) {
        samples.add(new Sample(match.group(1), labels(match.group(2)), number(match.group(3))));
      }
    }
    return samples;
  }

  @SuppressWarnings("NullAway") // a group that is not there is null
  private static Map<String, String> labels(String text) {
    Map<String, String> labels = new TreeMap<>();
    Matcher match = LABEL.matcher(text == null ? "" : text);
    while (match.find()) {
      labels.put(
          match.group(1),
          match.group(2).replace("\\\"", "\"").replace("\\n", "\n").replace("\\\\", "\\"));
    }
    return labels;
  }

  /** As both the page and the API of Prometheus spell it. */
  static double number(String text) {
    return switch (text) {
      case "+Inf" -> Double.POSITIVE_INFINITY;
      case "-Inf" -> Double.NEGATIVE_INFINITY;
      case "NaN" -> Double.NaN;
      default -> Double.parseDouble(text);
    };
  }
}
