package io.apgms.ml.gateway;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.dialect.Dialect;
import com.networknt.schema.dialect.Dialects;
import com.networknt.schema.keyword.DisallowUnknownKeywordFactory;
import com.networknt.schema.keyword.NonValidationKeyword;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/**
 * A listener's OpenAPI 3.1 document as a test sees it: its operations, and whether an answer is one
 * that it describes. Schemas are JSON Schema 2020-12, formats asserted.
 */
final class Contract {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** A keyword that is none fails: in YAML a comma in a text can make one. */
  private static final SchemaRegistry SCHEMAS =
      SchemaRegistry.withDefaultDialect(
          Dialect.builder(Dialects.getDraft202012())
              .keyword(new NonValidationKeyword("components"))
              .unknownKeywordFactory(DisallowUnknownKeywordFactory.getInstance())
              .build());

  private static final Set<String> METHODS =
      Set.of("get", "put", "post", "delete", "options", "head", "patch", "trace");

  /** What the documents say of any path in their introduction. */
  private static final Set<Integer> ANY_PATH = Set.of(400, 404, 405, 414, 431);

  private final JsonNode document;
  private final List<Operation> operations = new ArrayList<>();
  private final Map<String, Schema> compiled = new ConcurrentHashMap<>();

  /** One method of one path; parameters and responses are without references. */
  record Operation(String method, String path, JsonNode node, List<JsonNode> parameters) {
    String id() {
      return node.path("operationId").asText();
    }

    boolean secured() {
      return !node.has("security") || !node.path("security").isEmpty();
    }

    boolean has(int status) {
      return node.path("responses").has(Integer.toString(status));
    }

    Set<Integer> statuses() {
      Set<Integer> statuses = new TreeSet<>();
      node.path("responses").fieldNames().forEachRemaining(s -> statuses.add(Integer.valueOf(s)));
      return statuses;
    }

    boolean matches(String path) {
      String regex = Pattern.quote(this.path).replaceAll("\\{[^}]+}", "\\\\E[^/]+\\\\Q");
      return path.matches(regex);
    }
  }

  /** What was answered to a request; names of headers are in lower case. */
  @SuppressWarnings("ArrayRecordComponent") // read, never compared
  record Answer(String method, String path, int status, Map<String, String> headers, byte[] body) {
    String mediaType() {
      return headers.getOrDefault("content-type", "").replaceAll(";.*", "").strip();
    }

    @Override
    public String toString() {
      return method + " " + path + " answered " + status;
    }
  }

  Contract(JsonNode document) {
    this.document = document;
    for (Map.Entry<String, JsonNode> path : document.path("paths").properties()) {
      for (Map.Entry<String, JsonNode> member : path.getValue().properties()) {
        if (METHODS.contains(member.getKey())) {
          List<JsonNode> parameters = new ArrayList<>();
          member.getValue().path("parameters").forEach(p -> parameters.add(resolve(p)));
          operations.add(
              new Operation(
                  member.getKey().toUpperCase(Locale.ROOT),
                  path.getKey(),
                  member.getValue(),
                  parameters));
        }
      }
    }
  }

  /**
   * The document that the listener serves.
   *
   * @param listener {@code api} or {@code management}
   */
  static Contract of(String listener) {
    try (InputStream in = Contract.class.getResourceAsStream("/openapi/" + listener + ".yaml")) {
      return new Contract(new YAMLMapper().readTree(in));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A copy to plant a lie in. */
  ObjectNode copy() {
    return document.deepCopy();
  }

  List<Operation> operations() {
    return operations;
  }

  Operation operation(String id) {
    return operations.stream().filter(o -> o.id().equals(id)).findFirst().orElseThrow();
  }

  /** The first example of a JSON body, or null. */
  JsonNode bodyExample(Operation operation) {
    JsonNode examples = json(operation).path("examples");
    return examples.isEmpty() ? null : examples.iterator().next().path("value");
  }

  /** The example of a body of lines, or null. */
  static String linesExample(Operation operation) {
    JsonNode example = operation.node().at("/requestBody/content/text~1plain").path("example");
    return example.isMissingNode() ? null : example.asText();
  }

  private JsonNode json(Operation operation) {
    return resolve(operation.node().path("requestBody")).at("/content/application~1json");
  }

  /** What is wrong with examples and with schemas that no answer needs. */
  List<String> slips() {
    List<String> slips = new ArrayList<>();
    document.at("/components/schemas").fieldNames().forEachRemaining(this::compile);
    for (Map.Entry<String, JsonNode> path : document.path("paths").properties()) {
      if (path.getValue().has("parameters")) { // their references are shown without a name
        slips.add(path.getKey() + " has parameters, expected them at each operation: for /docs");
      }
    }
    for (Operation operation : operations) {
      for (JsonNode parameter : operation.parameters()) {
        compile("parameter " + parameter.path("name"), parameter.path("schema"));
      }
      JsonNode media = json(operation);
      for (JsonNode example : media.path("examples")) {
        Schema schema = compile("body of " + operation.id(), media.path("schema"));
        schema.validate(example.path("value")).forEach(e -> slips.add(operation.id() + ": " + e));
      }
    }
    return slips;
  }

  /** A parameter's example, or one that its schema names. */
  String parameterExample(JsonNode parameter) {
    JsonNode schema = resolve(parameter.path("schema"));
    if (parameter.has("example")) {
      return parameter.path("example").asText();
    }
    return schema.path("format").asText().equals("uuid")
        ? "01a20b18-06d9-780d-a669-e471754ece28"
        : schema.at("/enum/0").asText();
  }

  JsonNode resolve(JsonNode node) {
    JsonNode reference = node.path("$ref");
    return reference.isMissingNode() ? node : document.at(reference.asText().substring(1));
  }

  /** In what an answer is not as described; empty when it is. */
  List<String> violations(Answer answer) {
    List<Operation> here =
        operations.stream()
            .filter(o -> o.matches(answer.path()))
            .sorted(Comparator.comparingInt(o -> o.parameters().size()))
            .toList();
    for (Operation operation : here) {
      if (operation.method().equals(answer.method())) {
        return violations(operation, answer);
      }
    }
    if (ANY_PATH.contains(answer.status())) {
      return schemaViolations("Problem", problem(answer), answer);
    }
    return List.of(answer + ", expected one of " + ANY_PATH + " of what is not documented");
  }

  private static JsonNode problem(Answer answer) {
    JsonNode body = parse(answer);
    return body instanceof ObjectNode object ? object.without("error") : body; // that of /v2
  }

  private List<String> violations(Operation operation, Answer answer) {
    JsonNode response =
        resolve(operation.node().path("responses").path(Integer.toString(answer.status())));
    if (response.isMissingNode()) {
      return List.of(
          answer
              + ", expected a status that "
              + operation.id()
              + " documents: "
              + operation.statuses());
    }
    List<String> violations = new ArrayList<>();
    for (Map.Entry<String, JsonNode> header : response.path("headers").properties()) {
      headerViolations(header.getKey(), resolve(header.getValue()), answer, violations);
    }
    JsonNode content = response.path("content");
    JsonNode media = content.path(answer.mediaType());
    if (content.isMissingNode()) {
      if (answer.body().length > 0) {
        violations.add(answer + " with a body, expected none");
      }
    } else if (media.isMissingNode()) {
      violations.add(answer + " in " + answer.mediaType() + ", expected one of " + names(content));
    } else if (media.has("schema") && answer.mediaType().endsWith("json")) {
      String key = operation.id() + answer.status();
      violations.addAll(errors(compile(key, media.path("schema")), parse(answer), answer));
    }
    return violations;
  }

  private void headerViolations(
      String name, JsonNode header, Answer answer, List<String> violations) {
    String text = answer.headers().get(name.toLowerCase(Locale.ROOT));
    if (text == null) {
      if (header.path("required").asBoolean()) {
        violations.add(answer + " without the header " + name);
      }
      return;
    }
    boolean number = header.at("/schema/type").asText().equals("integer");
    JsonNode value =
        number && text.matches("[0-9]{1,18}")
            ? JSON.getNodeFactory().numberNode(Long.parseLong(text))
            : JSON.getNodeFactory().textNode(text);
    violations.addAll(errors(compile("header " + name, header.path("schema")), value, answer));
  }

  /** Against a schema of the document's components. */
  List<String> schemaViolations(String component, JsonNode value, Answer answer) {
    return errors(compile(component), value, answer);
  }

  private Schema compile(String component) {
    ObjectNode schema = JSON.createObjectNode().put("$ref", "#/components/schemas/" + component);
    return compile("component " + component, schema);
  }

  private Schema compile(String key, JsonNode schema) {
    return compiled.computeIfAbsent(
        key,
        k -> {
          ObjectNode root = JSON.createObjectNode();
          root.set("components", document.path("components"));
          ArrayNode all = root.putArray("allOf");
          all.add(schema);
          Schema ready = SCHEMAS.getSchema(root);
          ready.initializeValidators();
          return ready;
        });
  }

  private static List<String> errors(Schema schema, JsonNode value, Answer answer) {
    return schema
        .validate(value, c -> c.executionConfig(config -> config.formatAssertionsEnabled(true)))
        .stream()
        .map(error -> answer + ": " + error)
        .toList();
  }

  private static JsonNode parse(Answer answer) {
    try {
      return JSON.readTree(answer.body());
    } catch (JsonProcessingException e) {
      throw new AssertionError(answer + " with malformed JSON", e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Set<String> names(JsonNode object) {
    Map<String, JsonNode> sorted = new TreeMap<>();
    object.properties().forEach(e -> sorted.put(e.getKey(), e.getValue()));
    return sorted.keySet();
  }
}
