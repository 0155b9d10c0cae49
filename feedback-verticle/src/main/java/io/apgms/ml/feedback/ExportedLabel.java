package io.apgms.ml.feedback;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * One row of an export: the fields of a line of COPY's text format, cut once and decoded where they
 * are asked for. The next row takes its place.
 *
 * @see <a href="https://www.postgresql.org/docs/18/sql-copy.html">COPY, text format</a>
 */
public final class ExportedLabel {
  /** The columns, in the order of the statement. */
  public enum Field {
    ID(0),
    PREDICTION_ID(1),
    MODEL_ID(2),
    MODEL_VERSION(3),
    MODEL_DIGEST(4),
    DECIDED_AT(5),
    LABEL(6),
    COUNTS(7),
    COUNTING_LABEL(8),
    SOURCE(9),
    SUBMITTED_BY(10),
    NOTES(11),
    METADATA(12),
    OBSERVED_AT(13),
    RECORDED_AT(14),
    SCORE(15),
    THRESHOLD(16),
    REVIEW(17),
    ACT(18),
    ENFORCED(19),
    ENTITY_ID(20),
    GROUPS(21),
    FEATURES(22);

    private final int at;

    Field(int at) {
      this.at = at;
    }
  }

  private static final int FIELDS = Field.values().length;

  private byte[] line = new byte[0];
  private final int[] ends = new int[FIELDS];

  void read(byte[] copied) {
    line = copied;
    int field = 0;
    for (int i = 0; i < copied.length && field < FIELDS; i++) {
      if (copied[i] == '\t' || copied[i] == '\n') { // those in texts are escaped
        ends[field++] = i;
      }
    }
    if (field != FIELDS) {
      throw new IllegalStateException(field + " fields, expected " + FIELDS);
    }
  }

  private int start(Field field) {
    return field.at == 0 ? 0 : ends[field.at - 1] + 1;
  }

  private int end(Field field) {
    return ends[field.at];
  }

  /** Whether it is SQL's null. */
  public boolean isNull(Field field) {
    int start = start(field);
    return end(field) - start == 2 && line[start] == '\\' && line[start + 1] == 'N';
  }

  /** Whether a boolean is true. */
  public boolean flag(Field field) {
    return line[start(field)] == 't';
  }

  /** A field's text, or null. */
  public @Nullable String text(Field field) {
    if (isNull(field)) {
      return null;
    }
    int start = start(field);
    int end = end(field);
    for (int i = start; i < end; i++) {
      if (line[i] == '\\') {
        return unescaped(start, end);
      }
    }
    return new String(line, start, end - start, StandardCharsets.UTF_8);
  }

  private String unescaped(int start, int end) {
    byte[] out = new byte[end - start];
    int n = 0;
    for (int i = start; i < end; i++) {
      byte b = line[i];
      if (b == '\\') {
        i++;
        b =
            switch (line[i]) {
              case 'b' -> '\b';
              case 'f' -> '\f';
              case 'n' -> '\n';
              case 'r' -> '\r';
              case 't' -> '\t';
              case 'v' -> 0x0b;
              default -> line[i];
            };
      }
      out[n++] = b;
    }
    return new String(out, 0, n, StandardCharsets.UTF_8);
  }

  /** A time as RFC 3339 in UTC, or null; the session's time zone is UTC. */
  public @Nullable String time(Field field) {
    String text = text(field);
    return text == null ? null : text.replace(' ', 'T').replace("+00", "Z");
  }

  /** The values of an array of numbers as PostgreSQL writes them, NaN among them, or null. */
  public String @Nullable [] numbers(Field field) {
    String text = text(field);
    if (text == null) {
      return null;
    }
    return text.length() == 2 ? new String[0] : text.substring(1, text.length() - 1).split(",", -1);
  }
}
