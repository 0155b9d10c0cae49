package io.apgms.ml.gateway.trace;

import io.opentelemetry.api.common.AttributeKey;
import java.util.Set;

/**
 * What a span may say: nothing else leaves this process. No path and no query, no body, no address
 * of a client, no statement: any of these may name somebody.
 */
final class SpanKeys {
  static final AttributeKey<String> METHOD = AttributeKey.stringKey("http.request.method");
  static final AttributeKey<String> ROUTE = AttributeKey.stringKey("http.route");
  static final AttributeKey<Long> STATUS = AttributeKey.longKey("http.response.status_code");
  static final AttributeKey<String> ERROR = AttributeKey.stringKey("error.type");
  static final AttributeKey<String> DB_SYSTEM = AttributeKey.stringKey("db.system.name");
  static final AttributeKey<String> DB_TABLE = AttributeKey.stringKey("db.collection.name");
  static final AttributeKey<Long> CHUNK_ROWS = AttributeKey.longKey("ml.chunk.rows");
  static final AttributeKey<Long> BATCH_ROWS = AttributeKey.longKey("ml.batch.rows");
  static final AttributeKey<String> MODEL = AttributeKey.stringKey("ml.model.id");
  static final AttributeKey<String> VERSION = AttributeKey.stringKey("ml.model.version");
  static final AttributeKey<String> PREDICTION = AttributeKey.stringKey("ml.prediction.id");
  static final AttributeKey<String> MODE = AttributeKey.stringKey("ml.decision.mode");
  static final AttributeKey<Boolean> ENFORCED = AttributeKey.booleanKey("ml.decision.enforced");
  static final AttributeKey<String> ACTION = AttributeKey.stringKey("ml.action.kind");
  static final AttributeKey<String> SINK = AttributeKey.stringKey("ml.action.sink");
  static final AttributeKey<Long> ATTEMPT = AttributeKey.longKey("ml.action.attempt");

  static final Set<AttributeKey<?>> ALLOWED =
      Set.of(
          METHOD,
          ROUTE,
          STATUS,
          ERROR,
          DB_SYSTEM,
          DB_TABLE,
          CHUNK_ROWS,
          BATCH_ROWS,
          MODEL,
          VERSION,
          PREDICTION,
          MODE,
          ENFORCED,
          ACTION,
          SINK,
          ATTEMPT);

  private SpanKeys() {}
}
