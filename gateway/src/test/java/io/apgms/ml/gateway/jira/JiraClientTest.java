package io.apgms.ml.gateway.jira;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.gateway.mirror.FaultyServer;
import io.apgms.ml.gateway.mirror.TellException;
import io.apgms.ml.gateway.settings.Settings;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class JiraClientTest {
  private JiraStub stub;
  private JiraClient jira;

  static Settings.Jira settings(JiraStub stub, String token) {
    return new Settings.Jira(stub.url(), JiraStub.PROJECT, "Task", JiraStub.EMAIL, token);
  }

  @BeforeEach
  void start() throws Exception {
    stub = JiraStub.start();
    jira = new JiraClient(settings(stub, JiraStub.TOKEN));
  }

  @AfterEach
  void stop() {
    stub.close();
  }

  @Test
  void issue_createdCommentedAndFinished_isAsJiraWantsIt() throws Exception {
    String key = jira.create("MLAPPROVAL-1: promote\nx", "first\n\nsecond", "mlapproval-1");
    jira.comment(key, "reviewed \"well\" \\ ümlaut 日本");
    assertThat(jira.finish(key)).isTrue();
    JiraStub.Issue issue = stub.issues().get(key);
    assertThat(issue.fields.path("summary").asText()).isEqualTo("MLAPPROVAL-1: promote x");
    assertThat(issue.fields.at("/description/content")).hasSize(2);
    assertThat(issue.comments).containsExactly("reviewed \"well\" \\ ümlaut 日本\n");
    assertThat(issue.status).isEqualTo("Done");
  }

  @Test
  void texts_thatAreTooLong_areCut() throws Exception {
    String key = jira.create("x".repeat(1_000), "y".repeat(40_000), "l");
    JiraStub.Issue issue = stub.issues().get(key);
    assertThat(issue.fields.path("summary").asText()).hasSize(255).endsWith("…");
    assertThat(issue.fields.at("/description/content/0/content/0/text").asText()).hasSize(30_000);
  }

  @Test
  void call_429or5xx_isAwayWithItsWait_otherwiseRefused() throws Exception {
    stub.fail(new FaultyServer.Fault(429, "7", "{}"), 1);
    assertThatThrownBy(() -> jira.create("a", "b", "c"))
        .isInstanceOfSatisfying(
            TellException.Away.class,
            e -> assertThat(e.retryAfter()).isEqualTo(Duration.ofSeconds(7)));
    stub.fail(new FaultyServer.Fault(429, "99999999", "{}"), 1);
    assertThatThrownBy(() -> jira.create("a", "b", "c"))
        .isInstanceOfSatisfying(
            TellException.Away.class,
            e -> assertThat(e.retryAfter()).isEqualTo(Duration.ofMinutes(5)));
    stub.fail(new FaultyServer.Fault(503, null, "<html>"), 1);
    assertThatThrownBy(() -> jira.create("a", "b", "c"))
        .isInstanceOfSatisfying(TellException.Away.class, e -> assertThat(e.retryAfter()).isNull());
    stub.fail(new FaultyServer.Fault(302, null, ""), 1);
    assertThatThrownBy(() -> jira.create("a", "b", "c")).isInstanceOf(TellException.Refused.class);
    stub.fail(new FaultyServer.Fault(200, null, "{\"key\":\"../../x\"}"), 1);
    assertThatThrownBy(() -> jira.create("a", "b", "c"))
        .isInstanceOf(TellException.Refused.class)
        .hasMessageContaining("names no issue key");
    assertThatThrownBy(() -> jira.comment("MLAPPROVAL-77", "x"))
        .isInstanceOf(TellException.Refused.class)
        .hasMessageContaining("404")
        .hasMessageContaining("errorMessages");
  }

  @Test
  void call_wrongToken_isRefusedAndDoesNotShowIt() {
    JiraClient other = new JiraClient(settings(stub, "planted-secret"));
    assertThatThrownBy(() -> other.create("a", "b", "c"))
        .isInstanceOf(TellException.Refused.class)
        .hasMessageContaining("401")
        .message()
        .doesNotContain("planted-secret");
    assertThat(settings(stub, "planted-secret").toString()).doesNotContain("planted-secret");
  }

  @Test
  void call_nobodyThere_isAway() {
    stub.close();
    assertThatThrownBy(() -> jira.create("a", "b", "c")).isInstanceOf(TellException.Away.class);
  }
}
