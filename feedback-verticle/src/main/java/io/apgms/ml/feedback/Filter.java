package io.apgms.ml.feedback;

import io.vertx.sqlclient.Tuple;
import org.jspecify.annotations.Nullable;

/** A WHERE clause of prepared conditions; a null value adds none. */
final class Filter {
  private final StringBuilder where = new StringBuilder(" WHERE true");
  private final Tuple values = Tuple.tuple();

  /** Adds {@code condition} with its {@code ?} bound to the value. */
  Filter and(String condition, @Nullable Object value) {
    if (value != null) {
      values.addValue(value);
      where.append(" AND ").append(condition.replace("?", "$" + values.size()));
    }
    return this;
  }

  String where() {
    return where.toString();
  }

  Tuple values() {
    return values;
  }
}
