package io.apgms.ml.gateway.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Typed reads of one JSON object that collect every refusal, so that a caller sees them all. */
public final class Fields {
  private static final Instant LATEST = Instant.parse("9999-12-31T23:59:59Z");

  // UUID.fromString takes groups of other lengths and cuts them
  private static final Pattern UUID_TEXT =
      Pattern.compile("\\p{XDigit}{8}(-\\p{XDigit}{4}){3}-\\p{XDigit}{12}");

  // OffsetDateTime takes no offset beyond 18 hours; RFC 3339 does
  private static final Pattern RFC_3339 =
      Pattern.compile(
          "(?<local>[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?)"
              + "([Zz]|(?<sign>[+-])(?<hours>[01][0-9]|2[0-3]):(?<minutes>[0-5][0-9]))");

  private final ObjectNode body;
  private final List<FieldError> errors = new ArrayList<>();
  private final Set<String> known = new HashSet<>();

  public Fields(ObjectNode body) {
    this.body = body;
  }

  /** A text that must be there; empty when it was refused. */
  public String required(String key, int maxLength) {
    String text = optional(key, maxLength);
    if (text == null && get(key) == null) {
      refuse(key, "missing, expected a string of at most " + maxLength + " characters");
    }
    return text == null ? "" : text;
  }

  /** A text, or null where it is left out. */
  public @Nullable String optional(String key, int maxLength) {
    JsonNode node = get(key);
    if (node == null) {
      return null;
    }
    if (!node.isTextual()) {
      refuse(key, kind(node) + ", expected a string");
      return null;
    }
    String text = node.textValue();
    int length = text.codePointCount(0, text.length());
    if (text.isBlank() || length > maxLength) {
      refuse(
          key,
          text.isBlank()
              ? "blank, expected 1 to " + maxLength + " characters"
              : length + " characters, expected 1 to " + maxLength);
      return null;
    }
    return text;
  }

  /** One of an enum's names. */
  public <E extends Enum<E>> @Nullable E word(String key, Class<E> words) {
    String text = required(key, 64);
    for (E word : words.getEnumConstants()) {
      if (word.name().equals(text)) {
        return word;
      }
    }
    if (!text.isEmpty()) {
      refuse(
          key,
          FieldError.quote(text)
              + ", expected one of "
              + Arrays.toString(words.getEnumConstants()));
    }
    return null;
  }

  public @Nullable UUID uuid(String key) {
    String text = required(key, 64);
    UUID id = parseUuid(text);
    if (id == null && !text.isEmpty()) {
      refuse(key, FieldError.quote(text) + ", expected a UUID");
    }
    return id;
  }

  /** UUIDs of an array, at most so many; none where it is left out. */
  public List<UUID> uuids(String key, int max) {
    JsonNode node = get(key);
    if (node == null) {
      return List.of();
    }
    List<UUID> ids = new ArrayList<>();
    for (JsonNode item : node.isArray() ? node : List.<JsonNode>of()) {
      UUID id = item.isTextual() ? parseUuid(item.textValue()) : null;
      if (id != null) {
        ids.add(id);
      }
    }
    if (!node.isArray() || node.isEmpty() || node.size() > max || ids.size() != node.size()) {
      refuse(
          key,
          kind(node)
              + " with "
              + ids.size()
              + " UUIDs, expected an array of 1 to "
              + max
              + " of them");
    }
    return ids;
  }

  /** The UUID in its 36 characters; null for anything else. */
  public static @Nullable UUID parseUuid(String text) {
    return UUID_TEXT.matcher(text).matches() ? UUID.fromString(text) : null;
  }

  public @Nullable Instant time(String key) {
    String text = optional(key, 64);
    Instant time = text == null ? null : parseTime(text);
    if (time == null && text != null) {
      refuse(key, FieldError.quote(text) + ", expected RFC 3339 as 2026-11-23T08:00:00Z");
    }
    return time;
  }

  /** An RFC 3339 time of the years 1970 to 9999; null for anything else. */
  public static @Nullable Instant parseTime(String text) {
    Matcher parts = RFC_3339.matcher(text);
    if (!parts.matches()) {
      return null;
    }
    try {
      Instant time =
          LocalDateTime.parse(parts.group("local").toUpperCase(Locale.ROOT))
              .toInstant(ZoneOffset.UTC)
              .minus(offset(parts));
      return time.isBefore(Instant.EPOCH) || time.isAfter(LATEST) ? null : time;
    } catch (DateTimeParseException e) {
      return null;
    }
  }

  private static Duration offset(Matcher parts) {
    if (parts.group("sign") == null) {
      return Duration.ZERO;
    }
    Duration offset =
        Duration.ofHours(Integer.parseInt(parts.group("hours")))
            .plusMinutes(Integer.parseInt(parts.group("minutes")));
    return parts.group("sign").equals("-") ? offset.negated() : offset;
  }

  /** A whole number, or null where it is left out. */
  public @Nullable Long number(String key, long min, long max) {
    JsonNode node = get(key);
    if (node == null) {
      return null;
    }
    boolean whole =
        node.isIntegralNumber()
            || (node.isNumber() && node.doubleValue() == Math.rint(node.doubleValue()));
    if (!whole || !node.canConvertToLong() || node.longValue() < min || node.longValue() > max) {
      refuse(
          key,
          FieldError.quote(node.toString())
              + ", expected a whole number from "
              + min
              + " to "
              + max);
      return null;
    }
    return node.longValue();
  }

  /** A share above 0 and at most 1, or null where it is left out. */
  public @Nullable Double share(String key) {
    JsonNode node = get(key);
    if (node == null) {
      return null;
    }
    if (!node.isNumber() || !(node.doubleValue() > 0 && node.doubleValue() <= 1)) {
      refuse(key, FieldError.quote(node.toString()) + ", expected a number above 0 and at most 1");
      return null;
    }
    return node.doubleValue();
  }

  /** Whether there is a value, whatever it is. */
  public boolean has(String key) {
    return get(key) != null;
  }

  /** Yes or no, that must be there; false when it was refused. */
  public boolean flag(String key) {
    JsonNode node = get(key);
    if (node == null || !node.isBoolean()) {
      refuse(key, (node == null ? "missing" : kind(node)) + ", expected true or false");
      return false;
    }
    return node.booleanValue();
  }

  /** An object as its JSON text, at most {@code maxBytes} of it. */
  public @Nullable String object(String key, int maxBytes) {
    JsonNode node = get(key);
    if (node == null) {
      return null;
    }
    String text = node.toString();
    if (!node.isObject() || text.length() > maxBytes) {
      refuse(
          key,
          kind(node)
              + " of "
              + text.length()
              + " characters, expected an object of at most "
              + maxBytes);
      return null;
    }
    return text;
  }

  public void refuse(String key, String detail) {
    errors.add(new FieldError("/" + FieldError.token(key), detail));
  }

  /** Throws when anything was refused or a key is unknown. */
  public void check() {
    body.fieldNames()
        .forEachRemaining(
            name -> {
              if (!known.contains(name) && errors.size() < 16) {
                refuse(name, "unknown, expected only " + known.stream().sorted().toList());
              }
            });
    if (!errors.isEmpty()) {
      throw Problem.fields(errors);
    }
  }

  private @Nullable JsonNode get(String key) {
    known.add(key);
    JsonNode node = body.get(key);
    return node == null || node.isNull() ? null : node;
  }

  private static String kind(JsonNode node) {
    return "a JSON " + node.getNodeType().name().toLowerCase(Locale.ROOT);
  }
}
