package io.apgms.ml.flags;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** A condition on one field of the context; a list of values holds where any of them does. */
record Constraint(
    String field,
    Operator operator,
    List<String> values,
    boolean inverted,
    boolean caseInsensitive) {

  /** Unleash's operators on texts; the first two never fold case. */
  enum Operator {
    IN,
    NOT_IN,
    STR_CONTAINS,
    STR_STARTS_WITH,
    STR_ENDS_WITH;

    boolean test(String value, String candidate) {
      return switch (this) {
        case IN, NOT_IN -> value.equals(candidate);
        case STR_CONTAINS -> value.contains(candidate);
        case STR_STARTS_WITH -> value.startsWith(candidate);
        case STR_ENDS_WITH -> value.endsWith(candidate);
      };
    }
  }

  Constraint {
    caseInsensitive &= operator.compareTo(Operator.NOT_IN) > 0;
    values =
        caseInsensitive
            ? values.stream().map(v -> v.toLowerCase(Locale.ROOT)).toList()
            : List.copyOf(values);
  }

  boolean holds(FlagContext context) {
    @Nullable String value = context.field(field);
    boolean any = value != null && any(caseInsensitive ? value.toLowerCase(Locale.ROOT) : value);
    return (operator == Operator.NOT_IN ? !any : any) != inverted;
  }

  private boolean any(String value) {
    for (String candidate : values) {
      if (operator.test(value, candidate)) {
        return true;
      }
    }
    return false;
  }
}
