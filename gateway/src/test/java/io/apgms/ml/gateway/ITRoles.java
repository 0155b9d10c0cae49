package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.nimbusds.jose.JOSEObjectType;
import java.net.InetAddress;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import no.nav.security.mock.oauth2.MockOAuth2Server;
import no.nav.security.mock.oauth2.OAuth2Config;
import no.nav.security.mock.oauth2.token.DefaultOAuth2TokenCallback;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every route by every role against a real issuer: deny by default. */
class ITRoles {
  private static final List<String> ROLES =
      List.of(
          "oncall",
          "data-scientist",
          "ds-lead",
          "compliance",
          "sre",
          "scorer",
          "labeller",
          "alertmanager");
  private static final Set<String> STAFF = Set.copyOf(ROLES.subList(0, 5));
  private static final Set<String> ANY = Set.copyOf(ROLES);
  private static final Set<String> AUDITORS = Set.of("oncall", "ds-lead", "compliance", "sre");
  private static final String TICKET = "/admin/tickets/MLAPPROVAL-1";
  private static final String ID = "01a20b18-06d9-780d-a669-e471754ece28";

  private record Door(boolean management, String method, String path, Set<String> roles) {}

  private static final List<Door> DOORS =
      List.of(
          new Door(false, "POST", "/ml/score", Set.of("scorer")),
          new Door(false, "GET", "/ml/predictions", STAFF),
          new Door(false, "GET", "/ml/predictions/" + ID, STAFF),
          new Door(false, "POST", "/ml/feedback", Set.of("labeller")),
          new Door(false, "GET", "/ml/feedback", STAFF),
          new Door(false, "POST", "/ml/feedback/backfill", Set.of("labeller")),
          new Door(false, "GET", "/ml/feedback/export", Set.of("data-scientist", "compliance")),
          new Door(false, "GET", "/ml/models", ANY),
          new Door(false, "GET", "/ml/models/risk-score", ANY),
          new Door(false, "GET", "/v2", ANY),
          new Door(false, "GET", "/v2/models/risk-score", ANY),
          new Door(false, "GET", "/v2/models/risk-score/ready", ANY),
          new Door(false, "GET", "/v2/models/risk-score/versions/20261123", ANY),
          new Door(false, "GET", "/v2/models/risk-score/versions/20261123/ready", ANY),
          new Door(false, "POST", "/v2/models/risk-score/infer", Set.of("scorer")),
          new Door(
              false, "POST", "/v2/models/risk-score/versions/20261123/infer", Set.of("scorer")),
          new Door(true, "GET", "/admin/models/risk-score/deployments", STAFF),
          new Door(true, "GET", "/admin/models/risk-score/active", STAFF),
          new Door(true, "GET", "/admin/models/risk-score/drift", STAFF),
          new Door(true, "POST", "/admin/models/risk-score/promote", Set.of("ds-lead")),
          new Door(true, "POST", "/admin/tickets", Set.of("data-scientist")),
          new Door(true, "GET", "/admin/tickets", STAFF),
          new Door(true, "GET", TICKET, STAFF),
          new Door(true, "POST", TICKET + "/evidence", Set.of("data-scientist", "sre")),
          new Door(true, "POST", TICKET + "/replay", Set.of("data-scientist")),
          new Door(true, "POST", TICKET + "/review", Set.of("data-scientist")),
          new Door(true, "POST", TICKET + "/signoff", Set.of("compliance")),
          new Door(true, "POST", TICKET + "/waiver", Set.of("compliance")),
          new Door(true, "POST", TICKET + "/withdraw", Set.of("data-scientist", "compliance")),
          new Door(true, "POST", TICKET + "/close", Set.of("data-scientist", "ds-lead")),
          new Door(true, "POST", "/admin/alerts", Set.of("alertmanager")),
          new Door(true, "GET", "/admin/alerts", STAFF),
          new Door(true, "POST", "/admin/retrainings", Set.of("ds-lead", "compliance")),
          new Door(true, "GET", "/admin/retrainings", STAFF),
          new Door(true, "POST", "/admin/models/risk-score/rollback", Set.of("oncall")),
          new Door(true, "PUT", "/admin/models/risk-score/pin", Set.of("oncall")),
          new Door(true, "DELETE", "/admin/models/risk-score/pin", Set.of("oncall")),
          new Door(true, "GET", "/admin/models/risk-score/trial", STAFF),
          new Door(true, "PUT", "/admin/models/risk-score/trial", Set.of("ds-lead")),
          new Door(true, "DELETE", "/admin/models/risk-score/trial", Set.of("oncall", "ds-lead")),
          new Door(true, "GET", "/admin/actions", Set.of("oncall")),
          new Door(true, "POST", "/admin/actions/redrive", Set.of("oncall")),
          new Door(true, "GET", "/admin/replicas", Set.of("oncall", "sre")),
          new Door(true, "POST", "/admin/replicas/nobody/forget", Set.of("oncall", "sre")),
          new Door(true, "GET", "/admin/decision-mode", Set.of("oncall")),
          new Door(true, "PUT", "/admin/decision-mode", Set.of("oncall")),
          new Door(true, "DELETE", "/admin/decision-mode", Set.of("oncall")),
          new Door(true, "POST", "/admin/feedback/redactions", Set.of("compliance")),
          new Door(true, "GET", "/admin/feedback/holds", Set.of("compliance")),
          new Door(true, "POST", "/admin/feedback/holds", Set.of("compliance")),
          new Door(true, "DELETE", "/admin/feedback/holds/" + ID, Set.of("compliance")),
          new Door(true, "GET", "/admin/audit", AUDITORS),
          new Door(true, "GET", "/admin/audit/verify", AUDITORS),
          new Door(true, "GET", "/admin/audit/" + UUID.randomUUID() + "/proof", AUDITORS));

  @TempDir Path dir;
  private final MockOAuth2Server issuer =
      new MockOAuth2Server(OAuth2Config.Companion.fromJson("{\"httpServer\":\"NettyWrapper\"}"));

  @BeforeEach
  void start() throws Exception {
    issuer.start(InetAddress.getLoopbackAddress(), 0);
  }

  @AfterEach
  void stop() {
    issuer.shutdown();
  }

  private String token(String subject, String... roles) {
    return issuer
        .issueToken(
            "main",
            "client",
            new DefaultOAuth2TokenCallback(
                "main",
                subject,
                JOSEObjectType.JWT.getType(),
                List.of("ml-service"),
                Map.of("roles", List.of(roles)),
                600))
        .serialize();
  }

  private RunningService service(Map<String, String> more) throws Exception {
    Map<String, String> settings = new HashMap<>(more);
    settings.put("ML_AUTH", "jwt");
    settings.put("ML_JWT_ISSUER", issuer.issuerUrl("main").toString());
    settings.put("ML_JWT_AUDIENCE", "ml-service");
    return RunningService.start(dir, settings);
  }

  private static HttpResponse<String> call(RunningService service, Door door, String token)
      throws Exception {
    String body = door.method.equals("GET") ? null : "{}";
    return door.management
        ? service.management(door.method, door.path, body, token)
        : service.api(
            door.method,
            door.path,
            body,
            token == null ? Map.of() : Map.of("Authorization", "Bearer " + token));
  }

  @Test
  void matrix_everyRouteByEveryRole_deniesByDefault() throws Exception {
    Map<String, String> tokens = new HashMap<>();
    ROLES.forEach(role -> tokens.put(role, token("test-" + role, role)));
    try (RunningService service = service(Map.of())) {
      assertThat(violations(service, tokens, DOORS)).isEmpty();
      // The positive control: a door that is said to be open to nobody must be reported.
      Door planted = new Door(false, "GET", "/ml/models", Set.of());
      assertThat(violations(service, tokens, List.of(planted))).hasSize(ROLES.size());
      assertThat(service.metric("apgms_ml_http_refused_total", "reason=\"unauthenticated\""))
          .isGreaterThanOrEqualTo(DOORS.size() * 3);
      assertRefusalIsAudited(service, tokens.get("sre"));
      assertAdminIsNotOnTheApiListener(service, tokens.get("oncall"));
      assertThat(service.run(Map.of(), 2, "token", "--subject", "ann", "--role", "oncall"))
          .contains("expected dev");
      assertThat(service.logText()).doesNotContain(tokens.get("sre")).doesNotContain("Bearer ey");
    }
  }

  private List<String> violations(
      RunningService service, Map<String, String> tokens, List<Door> doors) throws Exception {
    List<String> violations = new ArrayList<>();
    String other = token("eve", "emperor");
    for (Door door : doors) {
      for (String bad : new String[] {null, "ey.ey.ey", tokens.get("sre") + "x"}) {
        int status = call(service, door, bad).statusCode();
        if (status != 401) {
          violations.add(door + " without a token: " + status);
        }
      }
      if (call(service, door, other).statusCode() != 403) {
        violations.add(door + " without a role");
      }
      for (String role : ROLES) {
        int status = call(service, door, tokens.get(role)).statusCode();
        boolean let = status != 403 && status != 401 && status < 500;
        if (let != door.roles.contains(role)) {
          violations.add(door + " by " + role + ": " + status);
        }
      }
    }
    violations.removeIf(v -> doors.size() == 1 && v.contains("without"));
    return violations;
  }

  private static void assertRefusalIsAudited(RunningService service, String sre) throws Exception {
    RunningService.await(
        Duration.ofSeconds(10),
        () -> {
          try {
            JsonNode log =
                RunningService.json(service.management("GET", "/admin/audit", null, sre));
            return log.toString().contains("\"action\":\"refused\"");
          } catch (Exception e) {
            throw new AssertionError(e);
          }
        });
  }

  private static void assertAdminIsNotOnTheApiListener(RunningService service, String oncall)
      throws Exception {
    for (Door door : DOORS) {
      if (door.management) {
        Door moved = new Door(false, door.method, door.path, door.roles);
        assertThat(call(service, moved, oncall).statusCode()).as(door.path).isEqualTo(404);
      }
    }
  }

  @Test
  void openRoutes_withoutAToken_answer() throws Exception {
    try (RunningService service = service(Map.of())) {
      for (String path : new String[] {"/metrics", "/health/live", "/health/ready"}) {
        assertThat(service.management("GET", path, null, null).statusCode()).isEqualTo(200);
      }
      for (String path : new String[] {"/v2/health/live", "/v2/health/ready"}) {
        assertThat(service.api("GET", path, null).statusCode()).isEqualTo(200);
      }
    }
  }

  @Test
  void score_overTheSubjectsRate_is429ForThatSubjectAlone() throws Exception {
    try (RunningService service = service(Map.of("ML_AUTH_REQUESTS_PER_SECOND", "5"))) {
      Door models = new Door(false, "GET", "/ml/models", ANY);
      String greedy = token("greedy", "scorer");
      List<Integer> statuses = new ArrayList<>();
      HttpResponse<String> last = null;
      for (int i = 0; i < 200 && (last == null || last.statusCode() == 200); i++) {
        last = call(service, models, greedy);
        statuses.add(last.statusCode());
      }
      assertThat(statuses).startsWith(200, 200, 200, 200, 200).endsWith(429);
      assertThat(last.headers().firstValue("Retry-After")).hasValue("1");
      assertThat(call(service, models, token("modest", "scorer")).statusCode()).isEqualTo(200);
    }
  }
}
