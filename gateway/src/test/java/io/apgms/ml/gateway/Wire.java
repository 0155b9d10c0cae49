package io.apgms.ml.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Sends requests just as they are put together, malformed paths and lengths among them. */
final class Wire implements AutoCloseable {
  private final Vertx vertx = Vertx.vertx();
  private final HttpClient client =
      vertx.createHttpClient(new HttpClientOptions().setKeepAlive(false));

  /** A request of which each part can be another; {@code uri} may have a query. */
  record Request(String method, String uri, Map<String, String> headers, String body) {
    Request {
      headers = Map.copyOf(headers);
    }

    Request(String method, String uri) {
      this(method, uri, Map.of(), null);
    }

    Request header(String name, String value) {
      Map<String, String> more = new HashMap<>(headers);
      more.put(name, value);
      return new Request(method, uri, more, body);
    }

    Request json(String text) {
      return new Request(method, uri, headers, text).header("Content-Type", "application/json");
    }

    Request json(JsonNode value) {
      return json(value.toString());
    }

    Request uri(String other) {
      return new Request(method, other, headers, body);
    }

    Request token(String token) {
      return header("Authorization", "Bearer " + token);
    }
  }

  /** The answer, within 30 s. Only the head is sent of a request that names its own length. */
  Contract.Answer send(int port, Request request) {
    return PlantedService.await(later(port, request));
  }

  Future<Contract.Answer> later(int port, Request request) {
    return client
        .request(HttpMethod.valueOf(request.method()), port, "127.0.0.1", request.uri())
        .compose(sent -> start(sent, request))
        .compose(response -> answer(response, request));
  }

  private static Future<HttpClientResponse> start(HttpClientRequest sent, Request request) {
    sent.exceptionHandler(e -> {}); // the answer's future fails with it
    request.headers().forEach(sent::putHeader);
    if (request.headers().containsKey("Content-Length")) {
      return sent.sendHead().compose(v -> sent.response());
    }
    return request.body() == null ? sent.send() : sent.send(request.body());
  }

  private static Future<Contract.Answer> answer(HttpClientResponse response, Request request) {
    Map<String, String> headers = new TreeMap<>();
    response.headers().forEach((name, value) -> headers.put(name.toLowerCase(Locale.ROOT), value));
    return response
        .body()
        .map(
            body ->
                new Contract.Answer(
                    request.method(),
                    request.uri().replaceAll("\\?.*", ""),
                    response.statusCode(),
                    headers,
                    body.getBytes()));
  }

  static String text(Contract.Answer answer) {
    return new String(answer.body(), StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    PlantedService.await(vertx.close());
  }
}
