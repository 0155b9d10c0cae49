package io.apgms.ml.gateway.jira;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import io.apgms.ml.gateway.mirror.FaultyServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Jira Cloud's REST API v3 as far as the mirror uses it: strict about method, path, Basic auth,
 * media type and shape, with Jira's own kind of error JSON.
 */
public final class JiraStub extends FaultyServer {
  public static final String EMAIL = "mirror@example.org";
  public static final String TOKEN = "stub-token";
  public static final String PROJECT = "MLAPPROVAL";
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Pattern ISSUE =
      Pattern.compile("/rest/api/3/issue/(MLAPPROVAL-[0-9]+)/(.+)");

  private final Map<String, Issue> issues = new LinkedHashMap<>();

  /** What an issue has become. */
  public static final class Issue {
    public final JsonNode fields;
    public final List<String> comments = new ArrayList<>();
    public String status = "To Do";

    Issue(JsonNode fields) {
      this.fields = fields;
    }
  }

  private JiraStub() throws IOException {}

  public static JiraStub start() throws IOException {
    JiraStub stub = new JiraStub();
    stub.begin();
    return stub;
  }

  public synchronized Map<String, Issue> issues() {
    return new LinkedHashMap<>(issues);
  }

  private static final class Refused extends Exception {
    private static final long serialVersionUID = 1L;
    final int status;
    final transient ObjectNode body;

    Refused(int status, String message) {
      super(message);
      this.status = status;
      this.body = JSON.createObjectNode();
      this.body.putArray("errorMessages").add(message);
      this.body.putObject("errors");
    }

    static Refused field(String field, String message) {
      Refused refused = new Refused(400, message);
      refused.body.putArray("errorMessages");
      refused.body.putObject("errors").put(field, message);
      return refused;
    }
  }

  @Override
  protected void answer(HttpExchange x, byte[] body) throws IOException {
    try {
      authorized(x);
      answerAuthorized(x, body);
    } catch (Refused e) {
      send(x, e.status, e.body.toString());
    }
  }

  private static void authorized(HttpExchange x) throws Refused {
    String expected =
        "Basic "
            + Base64.getEncoder()
                .encodeToString((EMAIL + ":" + TOKEN).getBytes(StandardCharsets.UTF_8));
    if (!expected.equals(x.getRequestHeaders().getFirst("Authorization"))) {
      throw new Refused(401, "Client must be authenticated to access this resource.");
    }
  }

  private synchronized void answerAuthorized(HttpExchange x, byte[] body)
      throws IOException, Refused {
    String path = x.getRequestURI().getPath();
    boolean post = x.getRequestMethod().equals("POST");
    if (path.equals("/rest/api/3/issue") && post) {
      String key = create(json(x, body));
      send(x, 201, "{\"id\":\"1\",\"key\":\"" + key + "\",\"self\":\"" + url() + "\"}");
      return;
    }
    Matcher m = ISSUE.matcher(path);
    if (!m.matches()) {
      throw new Refused(404, "No such resource: " + path);
    }
    Issue issue = issues.get(m.group(1));
    if (issue == null) {
      throw new Refused(404, "Issue does not exist or you do not have permission to see it.");
    }
    String what = m.group(2);
    if (what.equals("comment") && post) {
      issue.comments.add(document("comment", json(x, body).path("body")));
      send(x, 201, "{\"id\":\"10000\"}");
    } else if (what.equals("transitions") && post) {
      if (!json(x, body).at("/transition/id").asText().equals("31")) {
        throw new Refused(400, "It seems that you have tried to perform an illegal transition.");
      }
      issue.status = "Done";
      send(x, 204, "");
    } else if (what.equals("transitions") && x.getRequestMethod().equals("GET")) {
      send(
          x,
          200,
          "{\"transitions\":[{\"id\":\"21\",\"to\":{\"statusCategory\":{\"key\":\"indeterminate\"}}},"
              + "{\"id\":\"31\",\"to\":{\"statusCategory\":{\"key\":\"done\"}}}]}");
    } else {
      throw new Refused(405, "Method not allowed");
    }
  }

  private static JsonNode json(HttpExchange x, byte[] body) throws IOException, Refused {
    String type = String.valueOf(x.getRequestHeaders().getFirst("Content-Type"));
    if (!type.matches("application/json(;.*)?")) {
      throw new Refused(415, "Unsupported media type " + type);
    }
    return JSON.readTree(body);
  }

  private String create(JsonNode body) throws Refused {
    JsonNode fields = body.path("fields");
    if (!fields.at("/project/key").asText().equals(PROJECT)) {
      throw Refused.field("project", "valid project is required");
    }
    if (!fields.at("/issuetype/name").asText().equals("Task")) {
      throw Refused.field("issuetype", "Specify a valid issue type");
    }
    String summary = fields.path("summary").asText();
    if (summary.isBlank() || summary.length() > 255 || summary.contains("\n")) {
      throw Refused.field("summary", "You must specify a summary of the issue.");
    }
    document("description", fields.path("description"));
    for (JsonNode label : fields.path("labels")) {
      if (label.asText().contains(" ")) {
        throw Refused.field("labels", "The label contains spaces which is invalid.");
      }
    }
    Set<String> known = Set.of("project", "issuetype", "summary", "description", "labels");
    for (Map.Entry<String, JsonNode> field : fields.properties()) {
      if (!known.contains(field.getKey())) {
        throw Refused.field(field.getKey(), "Field cannot be set. It is not on the screen.");
      }
    }
    String key = PROJECT + "-" + (issues.size() + 1);
    issues.put(key, new Issue(fields));
    return key;
  }

  /** The text of an Atlassian document; anything else is refused as Jira does. */
  private static String document(String field, JsonNode d) throws Refused {
    Refused no =
        Refused.field(
            field,
            "Operation value must be an Atlassian Document (see the Atlassian Document Format)");
    if (!d.path("type").asText().equals("doc")
        || d.path("version").asInt() != 1
        || !d.path("content").isArray()
        || d.path("content").isEmpty()) {
      throw no;
    }
    StringBuilder text = new StringBuilder();
    for (JsonNode block : d.path("content")) {
      if (!block.path("type").asText().equals("paragraph") || !block.path("content").isArray()) {
        throw no;
      }
      for (JsonNode leaf : block.path("content")) {
        if (!leaf.path("type").asText().equals("text") || leaf.path("text").asText().isEmpty()) {
          throw no;
        }
        text.append(leaf.path("text").asText()).append('\n');
      }
    }
    return text.toString();
  }
}
