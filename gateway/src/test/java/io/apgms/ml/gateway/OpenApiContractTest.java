package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.Contract.Operation;
import io.apgms.ml.gateway.admin.ManagementRouter;
import io.apgms.ml.gateway.http.ApiRouter;
import io.vertx.core.Vertx;
import io.vertx.ext.web.Route;
import io.vertx.ext.web.Router;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The routes of each listener are those of its document, both ways. */
class OpenApiContractTest {
  @TempDir Path dir;

  /** In what routes and document differ, each with what to do about it. */
  private static List<String> differences(Router router, Contract contract, String file) {
    Set<String> mounted = new TreeSet<>();
    List<String> differences = new ArrayList<>();
    for (Route route : router.getRoutes()) {
      if (route.getPath() == null) {
        continue; // handlers of every path, such as that of failures
      }
      if (route.methods() == null) {
        differences.add(route.getPath() + " takes every method, expected router.get, post, …");
        continue;
      }
      String path = route.getPath().replaceAll(":([A-Za-z]+)", "{$1}");
      route.methods().forEach(method -> mounted.add(method.name() + " " + path));
    }
    Set<String> documented = new TreeSet<>();
    contract.operations().forEach(o -> documented.add(o.method() + " " + o.path()));
    for (String route : mounted) {
      if (!documented.contains(route)) {
        differences.add(route + " is mounted, expected it under paths of " + file + " too");
      }
    }
    for (String operation : documented) {
      if (!mounted.contains(operation)) {
        differences.add(operation + " stands in " + file + ", expected a route that is mounted");
      }
    }
    return differences;
  }

  @Test
  void routes_ofBothListeners_areThoseOfTheDocument() throws Exception {
    try (PlantedService parts = PlantedService.parts(dir)) {
      Vertx vertx = parts.vertx();
      Router api = ApiRouter.of(vertx, parts.api());
      Router management = ManagementRouter.of(vertx, parts.management());
      assertThat(differences(api, Contract.of("api"), "openapi/api.yaml")).isEmpty();
      assertThat(differences(management, Contract.of("management"), "openapi/management.yaml"))
          .isEmpty();

      // The positive controls: a route too many, a method too many, a route too few.
      api.get("/planted/:id").handler(rc -> rc.end());
      api.delete("/ml/score").handler(rc -> rc.end());
      ObjectNode more = Contract.of("api").copy();
      ((ObjectNode) more.at("/paths")).set("/absent", more.at("/paths/~1v2"));
      assertThat(differences(api, new Contract(more), "api.yaml"))
          .containsExactlyInAnyOrder(
              "GET /planted/{id} is mounted, expected it under paths of api.yaml too",
              "DELETE /ml/score is mounted, expected it under paths of api.yaml too",
              "GET /absent stands in api.yaml, expected a route that is mounted");
    }
  }

  @Test
  void documents_operations_haveIdsSummariesAndExamplesThatHold() {
    for (String listener : List.of("api", "management")) {
      Set<String> ids = new TreeSet<>();
      for (Operation operation : Contract.of(listener).operations()) {
        assertThat(ids.add(operation.id())).as(operation.id()).isTrue();
        assertThat(operation.node().path("summary").asText()).as(operation.id()).isNotEmpty();
      }
      assertThat(Contract.of(listener).slips()).isEmpty();
    }
    // The positive controls: a text that YAML cut into a keyword, an example that is no request.
    ObjectNode cut = Contract.of("api").copy();
    ((ObjectNode) cut.requiredAt("/components/schemas/Explanation")).put("as it is here.", "");
    assertThatThrownBy(() -> new Contract(cut).slips()).hasMessageContaining("as it is here.");
    ObjectNode other = Contract.of("api").copy();
    ((ObjectNode) other.requiredAt("/components/schemas/InferInput")).put("maxProperties", 1);
    assertThat(new Contract(other).slips()).hasSizeGreaterThanOrEqualTo(2);
  }

  /** What is blank to the document is blank to the routes, which go by {@link String#isBlank}. */
  @Test
  void documents_blankTexts_areThoseThatRoutesRefuse() {
    for (String listener : List.of("api", "management")) {
      Set<String> patterns =
          new TreeSet<>(Contract.of(listener).copy().findValuesAsText("pattern"));
      patterns.removeIf(pattern -> !pattern.startsWith("^[^\\u0000]*[^"));
      assertThat(patterns).as(listener).hasSize(1);
      Pattern some = Pattern.compile(patterns.iterator().next());
      for (int c = 0; c <= Character.MAX_VALUE; c++) {
        String text = Character.toString(c);
        assertThat(some.matcher(text).find())
            .as("U+%04X alone in %s", c, listener)
            .isEqualTo(c != 0 && !text.isBlank());
      }
    }
  }

  /** Clients send null for what they leave out, and the routes take it: the document says so. */
  @Test
  void documents_optionalFieldsOfAdminRequests_mayBeNull() {
    assertThat(closed(Contract.of("management"))).isEmpty();

    // The positive control.
    ObjectNode strict = Contract.of("management").copy();
    ((ObjectNode) strict.requiredAt("/components/schemas/NewRedaction/properties/dryRun"))
        .put("type", "boolean");
    assertThat(closed(new Contract(strict))).containsExactly("redactFeedback dryRun");
  }

  /** Optional fields of JSON requests that a null is not allowed for. */
  private static List<String> closed(Contract contract) {
    List<String> closed = new ArrayList<>();
    for (Operation operation : contract.operations()) {
      JsonNode schema =
          contract.resolve(operation.node().at("/requestBody/content/application~1json/schema"));
      Set<String> required = new TreeSet<>();
      schema.path("required").forEach(name -> required.add(name.textValue()));
      for (Map.Entry<String, JsonNode> field : schema.path("properties").properties()) {
        if (!required.contains(field.getKey())
            && !field.getValue().toString().contains("\"null\"")) {
          closed.add(operation.id() + " " + field.getKey());
        }
      }
    }
    return closed;
  }
}
