package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.http.DevIssuer;
import io.apgms.ml.gateway.http.Roles;
import io.apgms.ml.registry.GateResult.Outcome;
import io.vertx.core.Vertx;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The people of a ticket, over HTTP: ana its author, ben, cora, dora who promotes, and olga. */
final class Approvers {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String MODEL = "/admin/models/risk-score";

  private final RunningService service;
  private final ApprovalRun run;
  private final Map<String, String> tokens = new HashMap<>();

  /**
   * Their tokens, by the development issuer's key of the service.
   *
   * @param dir that the service was started in
   */
  Approvers(RunningService service, ApprovalRun run, Path dir) throws Exception {
    this.service = service;
    this.run = run;
    Vertx vertx = Vertx.vertx();
    try {
      DevIssuer issuer = DevIssuer.open(vertx, dir.resolve("data"));
      for (String scientist : List.of("ana", "ben")) {
        tokens.put(scientist, issuer.mint(scientist, null, List.of(Roles.DATA_SCIENTIST)));
      }
      tokens.put("cora", issuer.mint("cora", null, List.of(Roles.COMPLIANCE)));
      tokens.put("dora", issuer.mint("dora", null, List.of(Roles.DS_LEAD)));
      tokens.put("olga", issuer.mint("olga", null, List.of(Roles.ONCALL)));
    } finally {
      PlantedService.await(vertx.close());
    }
  }

  String token(String who) {
    return tokens.get(who);
  }

  HttpResponse<String> call(String who, String method, String path, String body) throws Exception {
    return service.management(method, path, body, token(who));
  }

  private JsonNode done(HttpResponse<String> answer) throws Exception {
    assertThat(answer.statusCode()).as(answer.body()).isIn(200, 201);
    return JSON.readTree(answer.body());
  }

  /** A ticket for a candidate with evidence that passes, reviewed and signed off; its name. */
  String approved(String version, String digest) throws Exception {
    ObjectNode opening = JSON.createObjectNode().put("modelId", "risk-score");
    opening.put("version", version).put("trigger", "schedule").put("reason", "weekly");
    String name = done(call("ana", "POST", "/admin/tickets", "" + opening)).path("ticket").asText();
    String evidence = Files.readString(run.evidence(version, digest, Outcome.pass));
    done(call("ana", "POST", "/admin/tickets/" + name + "/evidence", evidence));
    ObjectNode review = bound(name).put("comment", "read");
    done(call("ben", "POST", "/admin/tickets/" + name + "/review", "" + review));
    ObjectNode signoff = bound(name).put("comment", "same").put("thresholdsUnchanged", true);
    signoff.put("auditId", ticket(name).path("auditId").asText());
    done(call("cora", "POST", "/admin/tickets/" + name + "/signoff", "" + signoff));
    return name;
  }

  JsonNode ticket(String name) throws Exception {
    return done(call("ana", "GET", "/admin/tickets/" + name, null));
  }

  /** What an approval is of, as the ticket is now. */
  ObjectNode bound(String name) throws Exception {
    JsonNode ticket = ticket(name);
    return JSON.createObjectNode()
        .put("manifestDigest", ticket.path("manifestDigest").asText())
        .put("evidenceDigest", ticket.at("/evidence/0/digest").asText());
  }

  HttpResponse<String> waive(String who, String name, String gate) throws Exception {
    ObjectNode waiver = bound(name).put("gate", gate).put("reason", "this version mends it");
    return call(who, "POST", "/admin/tickets/" + name + "/waiver", "" + waiver);
  }

  HttpResponse<String> promote(String version, String name) throws Exception {
    ObjectNode body = JSON.createObjectNode().put("version", version);
    body.put("ticket", name).put("reason", "weekly");
    return call("dora", "POST", MODEL + "/promote", "" + body);
  }
}
