package io.apgms.ml.gateway.http;

import io.vertx.core.Handler;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.Route;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * {@code GET /openapi.yaml} and {@code GET /docs}: a listener's contract and its page. Each file is
 * known by name and answered from memory, so no request reaches a file system.
 */
public final class OpenApiRoutes {
  private static final String SWAGGER_UI = "/META-INF/resources/webjars/swagger-ui/5.34.1/";

  /** Nothing inline and no other host; the style sheet has its icons in data: URLs. */
  private static final String POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
          + " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  /** Read once for all listeners and loops: 1.9 MB. */
  private static final class Page {
    static final Content HTML = Content.read("/docs/index.html", "text/html; charset=utf-8");
    static final Map<String, Content> FILES =
        Map.of(
            "docs.js",
            Content.read("/docs/docs.js", "text/javascript; charset=utf-8"),
            "swagger-ui-bundle.js",
            Content.read(SWAGGER_UI + "swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
            "swagger-ui.css",
            Content.read(SWAGGER_UI + "swagger-ui.css", "text/css; charset=utf-8"));
  }

  private record Content(String type, Buffer bytes, String etag) {
    static Content read(String resource, String type) {
      try (InputStream in = OpenApiRoutes.class.getResourceAsStream(resource)) {
        if (in == null) {
          throw new IllegalStateException(resource + " is not on the class path");
        }
        byte[] bytes = in.readAllBytes();
        String hash = HexFormat.of().formatHex(Bodies.sha256(bytes), 0, 16);
        return new Content(type, Buffer.buffer(bytes), "\"" + hash + "\"");
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    void send(RoutingContext rc) {
      HttpServerResponse response = rc.response();
      response.putHeader("ETag", etag);
      response.putHeader("Cache-Control", "no-cache"); // kept, but asked for each time
      response.putHeader("X-Content-Type-Options", "nosniff");
      response.putHeader("Content-Security-Policy", POLICY);
      response.putHeader("Referrer-Policy", "no-referrer");
      String known = rc.request().getHeader("If-None-Match");
      if (known != null && List.of(known.split("\\s*,\\s*", 16)).contains(etag)) {
        var unused = response.setStatusCode(304).end();
        return;
      }
      response.putHeader("Content-Type", type);
      var unused = response.end(bytes);
    }
  }

  private OpenApiRoutes() {}

  /**
   * Adds the routes; none of them ever needs a token.
   *
   * @param listener {@code api} or {@code management}
   */
  public static void mount(Router router, String listener) {
    Content document = Content.read("/openapi/" + listener + ".yaml", "application/yaml");
    router.get("/openapi.yaml").handler(document::send);
    router.get("/docs").handler(Page.HTML::send);
    router
        .get("/docs/:file")
        .handler(
            rc -> {
              Content file = Page.FILES.get(rc.pathParam("file"));
              if (file == null) {
                throw ErrorTable.http(404);
              }
              file.send(rc);
            });
  }

  /** 405 with {@code Allow} (RFC 9110, 15.5.6), from the routes that the router has by now. */
  public static Handler<RoutingContext> methodNotAllowed(Router router) {
    record Taken(Pattern path, Set<String> methods) {}
    List<Taken> routes =
        router.getRoutes().stream()
            .filter(route -> route.getPath() != null && route.methods() != null)
            .map(route -> new Taken(pattern(route), names(route)))
            .toList();
    return rc -> {
      Set<String> allowed = new TreeSet<>();
      for (Taken route : routes) {
        if (route.path().matcher(rc.normalizedPath()).matches()) {
          allowed.addAll(route.methods());
        }
      }
      rc.response().putHeader("Allow", String.join(", ", allowed));
      ErrorTable.handle(rc);
    };
  }

  private static Set<String> names(Route route) {
    Set<String> names = new TreeSet<>();
    route.methods().forEach(method -> names.add(method.name()));
    return names;
  }

  private static Pattern pattern(Route route) {
    StringBuilder regex = new StringBuilder();
    for (String part : route.getPath().substring(1).split("/", -1)) {
      regex.append('/').append(part.startsWith(":") ? "[^/]+" : Pattern.quote(part));
    }
    return Pattern.compile(regex.append("/?").toString());
  }
}
