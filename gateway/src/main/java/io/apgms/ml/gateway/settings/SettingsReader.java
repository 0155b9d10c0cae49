package io.apgms.ml.gateway.settings;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Typed reads of one settings file with the environment over it; remembers which keys were read.
 */
final class SettingsReader {
  private final JsonNode root;
  private final Path home;
  private final Map<String, String> environment;
  private final Set<String> read = new HashSet<>();

  private SettingsReader(JsonNode root, Path home, Map<String, String> environment) {
    this.root = root;
    this.home = home;
    this.environment = environment;
  }

  static SettingsReader of(Path home, Map<String, String> environment) {
    Path file = home.resolve("conf").resolve("application.yaml");
    YAMLMapper yaml =
        YAMLMapper.builder().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION).build();
    try {
      return new SettingsReader(yaml.readTree(Files.readString(file)), home, environment);
    } catch (JsonProcessingException e) {
      throw new SettingsException(
          "conf/application.yaml", "line " + line(e), "YAML: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw new SettingsException("conf/application.yaml", "unreadable", "a readable file");
    }
  }

  private static int line(JsonProcessingException e) {
    return e.getLocation() == null ? 0 : e.getLocation().getLineNr();
  }

  String text(String key, String variable) {
    read.add(key);
    String set = environment.get(variable);
    if (set != null) {
      return set;
    }
    JsonNode value = node(key);
    if (value == null || !value.isValueNode() || value.isNull()) {
      throw new SettingsException(key, value == null ? "missing" : value.toString(), "a value");
    }
    return value.asText();
  }

  /** Variables of another system's own names, which stand in no file. */
  Map<String, String> variables(String prefix) {
    return environment.entrySet().stream()
        .filter(e -> e.getKey().startsWith(prefix))
        .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
  }

  int number(String key, String variable, int min, int max) {
    return (int) number(key, variable, (long) min, max);
  }

  long number(String key, String variable, long min, long max) {
    String text = text(key, variable);
    try {
      long value = Long.parseLong(text);
      if (value >= min && value <= max) {
        return value;
      }
    } catch (NumberFormatException e) {
      // refused below with the range
    }
    throw new SettingsException(
        key + " (" + variable + ")", text, "a whole number from " + min + " to " + max);
  }

  boolean flag(String key, String variable) {
    return "true".equals(required(key, variable, "true", "false"));
  }

  /** One of the given words; an empty one reads as null. */
  @Nullable String oneOf(String key, String variable, String... words) {
    String text = required(key, variable, words);
    return text.isEmpty() ? null : text;
  }

  private String required(String key, String variable, String... words) {
    String text = text(key, variable);
    List<String> allowed = Arrays.asList(words);
    if (!allowed.contains(text)) {
      throw new SettingsException(
          key + " (" + variable + ")", text, "one of " + String.join(", ", quoted(allowed)));
    }
    return text;
  }

  private static List<String> quoted(List<String> words) {
    return words.stream().map(w -> w.isEmpty() ? "empty" : w).toList();
  }

  /** A path of the file starts at the project folder, one of the environment at the caller's. */
  Path path(String key, String variable) {
    String text = text(key, variable);
    if (text.isEmpty()) {
      throw new SettingsException(key + " (" + variable + ")", text, "a path");
    }
    Path path = Path.of(text);
    return environment.containsKey(variable) ? path.toAbsolutePath() : home.resolve(path);
  }

  /** A path as above, of a file that can be read. */
  Path file(String key, String variable) {
    String text = text(key, variable);
    Path file = text.isEmpty() ? null : path(key, variable);
    if (file == null || !Files.isRegularFile(file) || !Files.isReadable(file)) {
      throw new SettingsException(key + " (" + variable + ")", text, "a readable file");
    }
    return file;
  }

  void refuseUnknown() {
    Set<String> unknown = new TreeSet<>();
    for (Map.Entry<String, JsonNode> section : root.properties()) {
      if (!section.getValue().isObject()) {
        unknown.add(section.getKey());
        continue;
      }
      section
          .getValue()
          .fieldNames()
          .forEachRemaining(n -> unknown.add(section.getKey() + "." + n));
    }
    unknown.removeAll(read);
    if (!unknown.isEmpty()) {
      String first = unknown.iterator().next();
      throw new SettingsException(first, "unknown", "only the keys of conf/application.yaml");
    }
  }

  private @Nullable JsonNode node(String key) {
    int dot = key.indexOf('.');
    JsonNode section = root.get(key.substring(0, dot));
    return section == null ? null : section.get(key.substring(dot + 1));
  }
}
