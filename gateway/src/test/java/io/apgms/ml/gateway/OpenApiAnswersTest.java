package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.Contract.Answer;
import io.apgms.ml.gateway.Contract.Operation;
import io.apgms.ml.gateway.Wire.Request;
import io.apgms.ml.gateway.http.DevIssuer;
import io.apgms.ml.gateway.http.Roles;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.gate.Policy;
import io.vertx.core.Vertx;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every status that a document has is provoked and answered as described, and nothing else is. What
 * can be asked of any operation is asked of each (its own example, no token, no role, a body that
 * is too large, a database that is away …), so that a new one is covered by its document; what
 * needs a state of its own is asked for by name.
 */
class OpenApiAnswersTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MAX_BODY = 65_536;
  private static final String VERSION = "20261123";
  private static final String ALTERED = "20261124"; // the same files: its manifest says 20261123

  /** Documented statuses that no test provokes, and why. Not for statuses that are merely new. */
  private static final String REVOKED = "a version must be revoked while it serves: ITRevocation";

  private static final Map<String, String> NOT_PROVOKED =
      Map.of(
          "v2InferVersion 409",
          REVOKED,
          "v2ModelVersion 409",
          REVOKED,
          "v2ModelVersionReady 409",
          REVOKED);

  private final Map<String, Contract> contracts =
      Map.of("api", Contract.of("api"), "management", Contract.of("management"));
  private final List<Answer> apiAnswers = new ArrayList<>();
  private final Map<String, Set<Integer>> provoked = new TreeMap<>();
  private final List<String> violations = new ArrayList<>();
  private String policyDigest = "";
  private int subjects;

  @TempDir Path dir;

  /** A listener that runs, and a token that may do everything there. */
  private record Listener(String name, int port, String token, boolean healthy) {}

  @Test
  void answers_ofEveryOperation_areThoseOfTheDocument() throws Exception {
    faulty();
    healthy();
    assertThat(violations)
        .as("answers that the documents in gateway/src/main/resources/openapi do not describe")
        .isEmpty();
    assertThat(unprovoked())
        .as("documented, and provoked by nothing: ask for it below, or it is not true")
        .isEqualTo(new TreeSet<>(NOT_PROVOKED.keySet()));
    assertLiesAreFound();
  }

  private Set<String> unprovoked() {
    Set<String> unprovoked = new TreeSet<>();
    for (Contract contract : contracts.values()) {
      for (Operation operation : contract.operations()) {
        for (int status : operation.statuses()) {
          if (!provoked.getOrDefault(operation.id(), Set.of()).contains(status)) {
            unprovoked.add(operation.id() + " " + status);
          }
        }
      }
    }
    return unprovoked;
  }

  /** Sends and notes; what is answered must be documented. */
  private Answer ask(Listener to, Operation operation, Request request) throws Exception {
    return note(to, operation, Wire.send(to.port, request));
  }

  private Answer note(Listener to, Operation operation, Answer answer) {
    if (to.name.equals("api")) {
      apiAnswers.add(answer);
    }
    violations.addAll(contracts.get(to.name).violations(answer));
    provoked.computeIfAbsent(operation.id(), id -> new TreeSet<>()).add(answer.status());
    if (to.healthy && answer.status() >= 500) {
      violations.add(answer + " by a service without a fault");
    }
    return answer;
  }

  /** As the document's own examples have it. */
  private Request example(Listener to, Operation operation) {
    Contract contract = contracts.get(to.name);
    StringBuilder uri = new StringBuilder(operation.path());
    String query = "";
    for (JsonNode parameter : operation.parameters()) {
      String name = parameter.path("name").asText();
      String value = contract.parameterExample(parameter);
      if (parameter.path("in").asText().equals("path")) {
        int at = uri.indexOf("{" + name + "}");
        uri.replace(at, at + name.length() + 2, value);
      } else if (parameter.path("required").asBoolean()) {
        query = "?" + name + "=" + value.replace(' ', '+');
      }
    }
    Request request = new Request(operation.method(), uri + query, Map.of(), null);
    JsonNode body = contract.bodyExample(operation);
    String lines = Contract.linesExample(operation);
    return body != null ? request.json(body) : lines != null ? ndjson(request, lines) : request;
  }

  private static Request ndjson(Request request, String lines) {
    return request.json(lines).header("Content-Type", "application/x-ndjson");
  }

  private static boolean takesBody(Operation operation) {
    return operation.node().has("requestBody") || operation.method().equals("DELETE");
  }

  // ---- a service with faults --------------------------------------------------------------------

  private void faulty() throws Exception {
    try (PlantedService service = PlantedService.start(dir.resolve("planted"))) {
      for (String name : List.of("api", "management")) {
        int port = name.equals("api") ? service.apiPort() : service.managementPort();
        Listener to = new Listener(name, port, "", false);
        for (Operation operation : contracts.get(name).operations()) {
          Request request = example(to, operation);
          if (operation.secured()) {
            guarded(to, operation, request);
          }
          ask(to, operation, request.token(subject("away"))); // no database, a full spool
        }
        service.failScrapes(true);
        service.scoring(false);
        for (Operation operation : contracts.get(name).operations()) {
          if (operation.has(504) || !operation.secured()) {
            Request request = example(to, operation).token(subject("silent"));
            ask(to, operation, request.header("X-Request-Timeout-Ms", "50"));
          }
        }
        service.failScrapes(false);
        service.scoring(true);
      }
    }
  }

  private String subject(String of) {
    return of + "-" + subjects++;
  }

  private void guarded(Listener to, Operation operation, Request request) throws Exception {
    ask(to, operation, request);
    for (String token : List.of("bad", "nobody", "fail")) {
      ask(to, operation, request.token(subject(token)));
    }
    Request greedy = request.token(subject("greedy"));
    for (int i = 0; i < 50 && ask(to, operation, greedy).status() != 429; i++) {
      // one a second is taken: a slow machine may need more than two
    }
  }

  // ---- a service that works ---------------------------------------------------------------------

  private void healthy() throws Exception {
    Path registry = dir.resolve("models");
    copy(RunningService.HOME.resolve("artifacts/models"), registry);
    copy(registry.resolve("risk-score/" + VERSION), registry.resolve("risk-score/" + ALTERED));
    Path data = dir.resolve("data");
    Path policy = ApprovalRun.policy(dir);
    policyDigest = Policy.read(policy).digest();
    Vertx vertx = Vertx.vertx();
    try (EmbeddedPostgres postgres =
            EmbeddedPostgres.builder().setDataDirectory(dir.resolve("cluster")).start();
        Service service = Service.start(settings(data, registry, postgres.getPort()))) {
      String token = DevIssuer.open(vertx, data).mint("test-ann", null, Roles.ALL);
      Listener api = new Listener("api", service.apiPort(), token, true);
      Listener management = new Listener("management", service.managementPort(), token, true);
      for (Listener to : List.of(api, management)) {
        for (Operation operation : contracts.get(to.name).operations()) {
          asDocumented(to, operation, example(to, operation).token(token));
        }
      }
      decisions(api, management);
      inBinary(api);
      deployments(management);
      holds(management);
      replicas(management, postgres);
      retrainings(management);
      silentReplica(management, postgres);
      Approvals approvals = new Approvals(management, DevIssuer.open(vertx, data));
      tickets(approvals);
      late(management, approvals, postgres);
    } finally {
      PlantedService.await(vertx.close());
    }
  }

  /** Patient: a machine that is busy otherwise must not look like a fault. */
  private static Settings settings(Path data, Path registry, int port) {
    Map<String, String> environment = new TreeMap<>();
    environment.put("ML_DRAIN_MS", "0"); // no balancer to wait for
    environment.putAll(
        Map.of(
            "ML_DATABASE_URL",
            "postgresql://postgres:postgres@127.0.0.1:" + port + "/postgres",
            "ML_DATABASE_TIMEOUT_MS",
            "10000",
            "ML_DATA_DIR",
            data.toString(),
            "ML_REGISTRY_DIR",
            registry.toString(),
            "ML_POLICY_FILE",
            registry.resolveSibling("policy.yaml").toString(),
            "ML_AUDIT_SEAL_MS",
            "60000", // proofs of decisions wait for it
            "ML_HTTP_PORT",
            "0",
            "ML_MANAGEMENT_PORT",
            "0",
            "ML_HTTP_DEFAULT_TIMEOUT_MS",
            "20000",
            "ML_HTTP_MAX_BATCH_BYTES",
            Integer.toString(MAX_BODY)));
    return Settings.read(RunningService.HOME, environment);
  }

  private void asDocumented(Listener to, Operation operation, Request request) throws Exception {
    Answer answer = ask(to, operation, request);
    String etag = answer.headers().get("etag");
    if (etag != null) {
      ask(to, operation, request.header("If-None-Match", etag));
    }
    String bare = request.uri().replaceAll("\\?.*", "");
    if (operation.path().contains("{")) {
      for (String segment : List.of("nobody", "No_Such", "%zz")) {
        ask(to, operation, request.uri(operation.path().replaceAll("\\{[^}]+}", segment)));
      }
    }
    if (operation.parameters().stream().anyMatch(p -> p.path("in").asText().equals("query"))) {
      for (String query : List.of("?unknown=1", "?unknown=%zz", "?unknown=" + "x".repeat(4_096))) {
        ask(to, operation, request.uri(bare + query));
      }
    }
    if (takesBody(operation)) {
      Request other = request.uri(bare);
      ask(to, operation, other.json("{"));
      ask(to, operation, other.json("{}"));
      ask(to, operation, other.json("{}").header("Content-Type", "text/csv"));
      if (operation.has(413)) { // else it waits for the bytes
        int most = operation.node().at("/requestBody/x-maxBytes").asInt(MAX_BODY);
        ask(to, operation, other.header("Content-Length", Integer.toString(most + 1)));
      }
    }
  }

  // ---- what needs a state of its own ------------------------------------------------------------

  private void decisions(Listener api, Listener management) throws Exception {
    ObjectNode decided = decide(api, "first-1");
    Request score = ofExample("score");
    ask(api, operation("score"), score.json(example("score").put("requestId", "first-1")));
    ask(api, operation("score"), score.json(example("score").put("modelId", "nobody")));
    label(api, decided, "TRUE_POSITIVE", VERSION);
    label(api, decided, "TRUE_NEGATIVE", VERSION);
    label(api, decided, "TRUE_POSITIVE", "20261116");
    String id = decided.path("predictionId").asText();
    ask(api, operation("getPrediction"), new Request("GET", "/ml/predictions/" + id));
    proof(management, id);
    Request list = example(management, operation("listAudit")).token(management.token);
    Answer entries = ask(management, operation("listAudit"), list);
    proof(management, JSON.readTree(entries.body()).at("/entries/0/id").asText());
  }

  private void proof(Listener management, String id) throws Exception {
    Request request = new Request("GET", "/admin/audit/" + id + "/proof").token(management.token);
    ask(management, operation("proveAudit"), request);
  }

  private void holds(Listener management) throws Exception {
    Request set = example(management, operation("setHold")).token(management.token);
    JsonNode made = JSON.readTree(ask(management, operation("setHold"), set).body());
    Request list = example(management, operation("listHolds")).token(management.token);
    ask(management, operation("listHolds"), list);
    Request lift = new Request("DELETE", "/admin/feedback/holds/" + made.path("id").asText());
    ask(management, operation("liftHold"), lift.token(management.token));
  }

  /** One that lives is not forgotten, one that has been silent for an hour is. */
  private void replicas(Listener management, EmbeddedPostgres postgres) throws Exception {
    try (Connection connection = postgres.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(
          "INSERT INTO feedback.spool VALUES ('gone', 0, clock_timestamp() - interval '1 hour'),"
              + " ('there', 9000000000000, clock_timestamp() + interval '1 hour')");
    }
    Operation forget = operation("forgetReplica");
    for (String replica : List.of("gone", "there")) {
      Request request = example(management, forget).token(management.token);
      ask(management, forget, request.uri("/admin/replicas/" + replica + "/forget"));
    }
  }

  private void retrainings(Listener management) throws Exception {
    Operation open = operation("openRetraining");
    Request request = example(management, open).token(management.token);
    ask(management, open, request); // the example was taken before
    ask(management, open, request.json(example("openRetraining").put("modelId", "nobody")));
  }

  /** One that lives and reads nothing holds up neither, and is named by the lift. */
  private void silentReplica(Listener management, EmbeddedPostgres postgres) throws Exception {
    try (Connection connection = postgres.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(
          "INSERT INTO registry.replica (id, started_at, seen_at, serving, env_pins)"
              + " VALUES ('silent', now(), clock_timestamp(), '{}', '{}')");
      for (String id : List.of("forceObserve", "liftObserve")) {
        Request request = example(management, operation(id)).token(management.token);
        Answer answer = ask(management, operation(id), request);
        assertThat(JSON.readTree(answer.body()).toString()).contains("\"silent\"");
      }
      statement.execute("DELETE FROM registry.replica WHERE id = 'silent'");
    }
  }

  private void deployments(Listener management) throws Exception {
    Operation pin = operation("pin");
    Request request = example(management, pin).token(management.token);
    ask(management, pin, request.json(example("pin").put("version", ALTERED)));
    ask(management, pin, request);
    Request rollback = example(management, operation("rollback")).token(management.token);
    ask(management, operation("rollback"), rollback);
    Request unpin = example(management, operation("unpin")).token(management.token);
    ask(management, operation("unpin"), unpin);
    Operation start = operation("startTrial");
    Request trial = example(management, start).token(management.token);
    ask(management, start, trial);
    ask(management, start, trial); // one runs
    Request stop = example(management, operation("stopTrial")).token(management.token);
    ask(management, operation("stopTrial"), stop);
    Request force = example(management, operation("forceObserve")).token(management.token);
    ask(
        management,
        operation("forceObserve"),
        force.json(example("forceObserve").put("modelId", "nobody")));
    Request lift = example(management, operation("liftObserve")).token(management.token);
    ask(management, operation("liftObserve"), lift);
  }

  /** Tokens of the four people of a ticket, and the calls they make. */
  private final class Approvals {
    private final Listener management;
    private final Map<String, String> tokens = new TreeMap<>();

    Approvals(Listener management, DevIssuer issuer) {
      this.management = management;
      for (String person : List.of("ann", "ben", "cora", "dora")) {
        tokens.put(person, issuer.mint("test-" + person, null, Roles.ALL));
      }
    }

    JsonNode call(String person, String id, String ticket, ObjectNode body) throws Exception {
      Request request = example(management, operation(id)).token(tokens.get(person));
      String uri = request.uri().replace("MLAPPROVAL-1", ticket);
      Request to = request.uri(uri);
      boolean read = to.method().equals("GET");
      Answer answer =
          ask(management, operation(id), read ? to : to.json(body == null ? example(id) : body));
      return JSON.readTree(answer.body());
    }

    /** A ticket for a version, with evidence by ann in which smoke is inconclusive. */
    JsonNode open(String version) throws Exception {
      JsonNode ticket =
          call("ann", "openTicket", "", example("openTicket").put("version", version));
      ObjectNode evidence = example("addEvidence").put("version", version);
      evidence.put("policyDigest", policyDigest);
      evidence.put("manifestDigest", ticket.path("manifestDigest").asText());
      for (String gate : List.of("integrity", "bias", "reproducibility")) {
        ObjectNode passed = ((ArrayNode) evidence.path("results")).addObject();
        passed.put("gate", gate).put("outcome", "pass").putArray("reasons").add("measured");
      }
      return call("ann", "addEvidence", ticket.path("ticket").asText(), evidence);
    }

    JsonNode approve(String person, String id, JsonNode ticket) throws Exception {
      ObjectNode body = example(id).put("manifestDigest", ticket.path("manifestDigest").asText());
      body.put("evidenceDigest", ticket.at("/evidence/0/digest").asText());
      if (id.equals("signOffTicket")) {
        body.put("auditId", ticket.path("auditId").asText());
      }
      return call(person, id, ticket.path("ticket").asText(), body);
    }

    JsonNode approved(String version) throws Exception {
      JsonNode ticket = open(version);
      approve("ben", "reviewTicket", ticket);
      approve("cora", "signOffTicket", ticket);
      approve("cora", "waiveGate", ticket);
      return ticket;
    }

    Request promotion(JsonNode ticket) {
      ObjectNode body = example("promote").put("version", ticket.path("version").asText());
      body.put("ticket", ticket.path("ticket").asText());
      return example(management, operation("promote")).token(tokens.get("dora")).json(body);
    }
  }

  private void tickets(Approvals approvals) throws Exception {
    ObjectNode opening = example("openTicket");
    approvals.call("ann", "openTicket", "", opening.deepCopy().put("modelId", "nobody"));
    approvals.call("ann", "openTicket", "", opening.deepCopy().put("version", ALTERED));
    JsonNode ticket = approvals.approved("20261116");
    for (String id : List.of("reviewTicket", "signOffTicket", "waiveGate")) {
      approvals.approve("ann", id, ticket);
    }
    String name = ticket.path("ticket").asText();
    JsonNode waived = approvals.call("cora", "getTicket", name, null);
    ObjectNode taken = example("withdrawApproval");
    taken.put("approvalId", waived.at("/approvals/2/id").asText());
    approvals.call("cora", "withdrawApproval", name, taken);
    approvals.call("cora", "withdrawApproval", name, taken);
    Request refused = approvals.promotion(ticket);
    ask(approvals.management, operation("promote"), refused);

    JsonNode good = approvals.approved("20261116");
    ObjectNode replay = example("attachReplay").put("modelVersion", "20261116");
    replay.put("digest", good.path("manifestDigest").asText());
    String open = good.path("ticket").asText();
    assertThat(approvals.call("ann", "attachReplay", open, replay).path("replays")).hasSize(1);
    ObjectNode other = example("attachReplay");
    assertThat(approvals.call("ann", "attachReplay", open, other).path("status").asInt())
        .isEqualTo(409);
    ask(approvals.management, operation("promote"), approvals.promotion(good));
    approvals.call("dora", "closeTicket", name, null);
    approvals.call("dora", "closeTicket", name, null);
  }

  /** A replica that lives and never follows: the changes wait for it. */
  private void late(Listener management, Approvals approvals, EmbeddedPostgres postgres)
      throws Exception {
    JsonNode ticket = approvals.approved(VERSION);
    try (Connection connection = postgres.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(
          "INSERT INTO registry.replica (id, started_at, seen_at, serving, env_pins) VALUES"
              + " ('late', now(), now() + interval '1 hour', '{}', '{}')");
    }
    ask(management, operation("promote"), approvals.promotion(ticket));
    Operation rollback = operation("rollback");
    Operation pin = operation("pin");
    Request one = example(management, rollback).token(management.token);
    Request other = example(management, pin).token(management.token);
    ObjectNode toTheFirst = example("rollback").put("toRevision", 1);
    CompletableFuture<Answer> rolledBack = later(management.port, one.json(toTheFirst));
    String elsewhere = other.uri().replace("risk-score", "credit-default");
    note(management, pin, Wire.send(management.port, other.uri(elsewhere)));
    note(management, rollback, rolledBack.join());
  }

  private static CompletableFuture<Answer> later(int port, Request request) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return Wire.send(port, request);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  private ObjectNode decide(Listener api, String requestId) throws Exception {
    ObjectNode body = example("score").put("requestId", requestId).put("explain", true);
    Answer answer = ask(api, operation("score"), ofExample("score").json(body));
    assertThat(answer.status()).as(Wire.text(answer)).isEqualTo(200);
    return (ObjectNode) JSON.readTree(answer.body());
  }

  private void label(Listener api, ObjectNode decided, String label, String version)
      throws Exception {
    ObjectNode body = example("recordFeedback").put("label", label).put("modelVersion", version);
    body.put("predictionId", decided.path("predictionId").asText());
    ask(api, operation("recordFeedback"), ofExample("recordFeedback").json(body));
  }

  /** The head of a binary answer is JSON of a schema of its own. */
  private void inBinary(Listener api) throws Exception {
    Operation infer = operation("v2Infer");
    ObjectNode body = example("v2Infer");
    body.putObject("parameters").put("binary_data_output", true);
    Answer answer = ask(api, infer, example(api, infer).json(body));
    int head = Integer.parseInt(answer.headers().get("inference-header-content-length"));
    JsonNode json = JSON.readTree(answer.body(), 0, head);
    Contract contract = contracts.get("api");
    assertThat(contract.schemaViolations("InferredInBinary", json, answer)).isEmpty();
    int tensors = 0;
    for (JsonNode output : json.path("outputs")) {
      tensors += output.at("/parameters/binary_data_size").asInt();
    }
    assertThat(answer.body()).hasSize(head + tensors);
    // The positive control: the JSON answer has another schema.
    assertThat(contract.schemaViolations("Inferred", json, answer)).isNotEmpty();
  }

  private Operation operation(String id) {
    return contracts.values().stream()
        .flatMap(c -> c.operations().stream())
        .filter(o -> o.id().equals(id))
        .findFirst()
        .orElseThrow();
  }

  private Request ofExample(String id) {
    Operation operation = operation(id);
    return new Request(operation.method(), operation.path());
  }

  private ObjectNode example(String id) {
    return contracts.values().stream()
        .filter(c -> c.operations().stream().anyMatch(o -> o.id().equals(id)))
        .findFirst()
        .map(c -> (ObjectNode) c.bodyExample(operation(id)).deepCopy())
        .orElseThrow();
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    }
  }

  // ---- positive controls ------------------------------------------------------------------------

  /** Each lie, told of what was answered above, must contradict an answer. */
  private void assertLiesAreFound() {
    assertLie(
        "another type",
        d -> at(d, "/components/schemas/Decided/properties/score").put("type", "string"));
    assertLie("an unknown field", d -> at(d, "/components/schemas/Model/properties").remove("slo"));
    assertLie(
        "a status too few",
        d -> at(d, "/paths/~1ml~1models~1{modelId}/get/responses").remove("404"));
    assertLie(
        "a header too many",
        d ->
            at(d, "/components/responses/Busy/headers")
                .set("X-Absent", at(d, "/components/headers/RetryAfter").deepCopy()));
    assertLie(
        "another media type",
        d -> {
          ObjectNode content = at(d, "/paths/~1ml~1models/get/responses/200/content");
          content.set("application/xml", content.remove("application/json"));
        });
    assertLie("a path too few", d -> at(d, "/paths").remove("/v2"));
  }

  private void assertLie(String what, Consumer<ObjectNode> planted) {
    ObjectNode document = contracts.get("api").copy();
    planted.accept(document);
    Contract lying = new Contract(document);
    assertThat(apiAnswers.stream().flatMap(a -> lying.violations(a).stream()))
        .as(what)
        .isNotEmpty();
  }

  private static ObjectNode at(JsonNode document, String pointer) {
    return (ObjectNode) document.requiredAt(pointer);
  }
}
