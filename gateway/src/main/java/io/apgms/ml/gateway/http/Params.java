package io.apgms.ml.gateway.http;

import io.vertx.ext.web.RoutingContext;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Typed reads of query parameters, each sent at most once, that collect every refusal. */
public final class Params {
  private static final int MAX_LIMIT = 500;
  private static final Pattern DIGITS = Pattern.compile("[0-9]+"); // Long takes more scripts

  private final RoutingContext rc;
  private final List<FieldError> errors = new ArrayList<>();

  /** Refuses parameters that are not known, so that a misspelt filter does not list everything. */
  public Params(RoutingContext rc, Set<String> known) {
    this.rc = rc;
    for (String name : rc.queryParams().names()) {
      if (!known.contains(name) && errors.size() < 16) {
        errors.add(
            new FieldError(
                FieldError.token(name),
                "unknown, expected only " + known.stream().sorted().toList()));
      } else if (known.contains(name) && rc.queryParams().getAll(name).size() > 1) {
        errors.add(
            new FieldError(
                name, "sent " + rc.queryParams().getAll(name).size() + " times, expected once"));
      }
    }
  }

  /** A text of at most 128 characters, or null where it is left out. */
  public @Nullable String text(String name) {
    String text = rc.queryParams().get(name);
    int length = text == null ? 1 : text.codePointCount(0, text.length());
    if (length < 1 || length > 128) {
      errors.add(new FieldError(name, length + " characters, expected 1 to 128"));
      return null;
    }
    if (text != null && text.indexOf('\0') >= 0) { // PostgreSQL takes no such text
      errors.add(new FieldError(name, "holds U+0000, expected text without it"));
      return null;
    }
    return text;
  }

  public @Nullable Instant time(String name) {
    String text = text(name);
    Instant time = text == null ? null : Fields.parseTime(text.replace(' ', '+'));
    if (text != null && time == null) {
      refuse(name, text, "RFC 3339 as 2026-11-23T08:00:00Z");
    }
    return time;
  }

  @Nullable Boolean flag(String name) {
    String text = text(name);
    if (text == null || text.equals("true") || text.equals("false")) {
      return text == null ? null : Boolean.valueOf(text);
    }
    refuse(name, text, "true or false");
    return null;
  }

  @Nullable UUID uuid(String name) {
    String text = text(name);
    UUID id = text == null ? null : Fields.parseUuid(text);
    if (text != null && id == null) {
      refuse(name, text, "a UUID");
    }
    return id;
  }

  /** One of an enum's names, or null where it is left out. */
  public <E extends Enum<E>> @Nullable E word(String name, Class<E> words) {
    String text = text(name);
    for (E word : words.getEnumConstants()) {
      if (word.name().equals(text)) {
        return word;
      }
    }
    if (text != null) {
      refuse(name, text, "one of " + Arrays.toString(words.getEnumConstants()));
    }
    return null;
  }

  /** A whole number, or the preset where it is left out. */
  public long number(String name, long preset, long min, long max) {
    String text = text(name);
    if (text == null) {
      return preset;
    }
    try {
      long value = Long.parseLong(text);
      if (value >= min && value <= max && DIGITS.matcher(text).matches()) {
        return value;
      }
    } catch (NumberFormatException e) {
      // refused below with the range
    }
    refuse(name, text, "a whole number from " + min + " to " + max);
    return preset;
  }

  public int limit() {
    return (int) number("limit", 100, 1, MAX_LIMIT);
  }

  private void refuse(String name, String text, String expected) {
    errors.add(new FieldError(name, FieldError.quote(text) + ", expected " + expected));
  }

  public void check() {
    if (!errors.isEmpty()) {
      throw Problem.fields(errors);
    }
  }
}
