package io.apgms.ml.gateway.http;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vertx.ext.web.RoutingContext;
import java.util.Collection;
import java.util.function.Function;

/** JSON answers of the routes that are not the hot one. */
public final class Answers {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Answers() {}

  public static ObjectNode object() {
    return JSON.createObjectNode();
  }

  /** An object with one list. */
  public static <T> ObjectNode list(
      String name, Collection<T> items, Function<T, ? extends JsonNode> json) {
    ObjectNode out = object();
    ArrayNode list = out.putArray(name);
    items.forEach(item -> list.add(json.apply(item)));
    return out;
  }

  /** Parses JSON that we wrote ourselves. */
  static JsonNode parse(String json) {
    try {
      return JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("stored JSON is malformed", e);
    }
  }

  public static void send(RoutingContext rc, int status, JsonNode body) {
    if (rc.response().ended() || rc.response().closed()) {
      return;
    }
    rc.response().setStatusCode(status).putHeader("Content-Type", "application/json");
    var unused = rc.response().end(body.toString());
  }
}
