package io.apgms.ml.gateway.jira;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The stub is worth what it refuses. */
class JiraStubTest {
  private static final String ISSUE = "/rest/api/3/issue";
  private static final String DOC =
      "{\"type\":\"doc\",\"version\":1,\"content\":[{\"type\":\"paragraph\",\"content\":"
          + "[{\"type\":\"text\",\"text\":\"hello\"}]}]}";
  private static final String GOOD =
      "{\"fields\":{\"project\":{\"key\":\"MLAPPROVAL\"},\"issuetype\":{\"name\":\"Task\"},"
          + "\"summary\":\"one\",\"description\":"
          + DOC
          + ",\"labels\":[\"a\"]}}";

  private JiraStub stub;

  @BeforeEach
  void start() throws Exception {
    stub = JiraStub.start();
  }

  @AfterEach
  void stop() {
    stub.close();
  }

  private HttpResponse<String> send(String method, String path, String body, String... headers)
      throws Exception {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(stub.url() + path));
    if (headers.length > 0) {
      request.headers(headers);
    }
    request.method(method, BodyPublishers.ofString(body));
    return HttpClient.newHttpClient().send(request.build(), BodyHandlers.ofString());
  }

  private HttpResponse<String> call(String method, String path, String body) throws Exception {
    return send(method, path, body, "Authorization", auth(), "Content-Type", "application/json");
  }

  private static String auth() {
    String pair = JiraStub.EMAIL + ":" + JiraStub.TOKEN;
    return "Basic " + Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8));
  }

  private void assertRefused(String body, String field) throws Exception {
    HttpResponse<String> answer = call("POST", ISSUE, body);
    assertThat(answer.statusCode()).as(body).isEqualTo(400);
    assertThat(answer.body()).contains("\"errors\":{\"" + field + "\":");
  }

  @Test
  void stub_wrongShapes_areRefusedWithJirasErrors() throws Exception {
    assertThat(call("POST", ISSUE, GOOD).statusCode()).isEqualTo(201);
    assertRefused(GOOD.replace("MLAPPROVAL", "OTHER"), "project");
    assertRefused(GOOD.replace("\"issuetype\":{\"name\":\"Task\"},", ""), "issuetype");
    assertRefused(GOOD.replace("\"summary\":\"one\",", ""), "summary");
    assertRefused(GOOD.replace(DOC, "\"a plain text, as v2 took it\""), "description");
    assertRefused(GOOD.replace("\"version\":1", "\"version\":2"), "description");
    assertRefused(GOOD.replace("\"hello\"", "\"\""), "description");
    assertRefused(GOOD.replace("\"paragraph\"", "\"sentence\""), "description");
    assertRefused(GOOD.replace("[\"a\"]", "[\"a b\"]"), "labels");
    assertRefused(GOOD.replace("\"labels\"", "\"nonsense\""), "nonsense");
    assertThat(stub.issues()).hasSize(1);
  }

  @Test
  void stub_wrongDoors_areRefused() throws Exception {
    assertThat(send("POST", ISSUE, GOOD, "Content-Type", "application/json").statusCode())
        .isEqualTo(401);
    String bearer = "Bearer " + JiraStub.TOKEN;
    assertThat(
            send("POST", ISSUE, GOOD, "Authorization", bearer, "Content-Type", "application/json")
                .statusCode())
        .isEqualTo(401);
    assertThat(
            send("POST", ISSUE, GOOD, "Authorization", auth(), "Content-Type", "text/plain")
                .statusCode())
        .isEqualTo(415);
    assertThat(call("PUT", ISSUE, GOOD).statusCode()).isEqualTo(404);
    assertThat(call("POST", "/rest/api/2/issue", GOOD).statusCode()).isEqualTo(404);
    assertThat(call("POST", ISSUE + "/MLAPPROVAL-9/comment", "{}").statusCode()).isEqualTo(404);
    call("POST", ISSUE, GOOD);
    String comment = ISSUE + "/MLAPPROVAL-1/comment";
    assertThat(call("POST", comment, "{\"body\":\"plain\"}").statusCode()).isEqualTo(400);
    assertThat(call("DELETE", comment, "").statusCode()).isEqualTo(405);
    String transitions = ISSUE + "/MLAPPROVAL-1/transitions";
    assertThat(call("POST", transitions, "{\"transition\":\"31\"}").statusCode()).isEqualTo(400);
  }
}
