package io.apgms.ml.gateway.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.cli.RolloutPlan.Pinned;
import io.apgms.ml.gateway.cli.RolloutPlan.Revision;
import io.apgms.ml.registry.ArtifactStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Revisions as the API server gives them, over the shipped artifacts. */
class RolloutPlanTest {
  private static final String PIN = "/items/0/spec/template/spec/containers/0/env/3";
  private static final ArtifactStore STORE =
      ArtifactStore.withoutSignatures(Path.of("../artifacts/models"));

  private JsonNode list;

  @BeforeEach
  void read() throws IOException {
    Path file = Path.of("../k8s/ml-service/ci/replicasets.json");
    list = new ObjectMapper().readTree(Files.readAllBytes(file));
  }

  private List<Revision> plan() {
    return RolloutPlan.read(list, "ml-service", STORE);
  }

  private ObjectNode at(String pointer) {
    return (ObjectNode) list.at(pointer);
  }

  @Test
  void read_fourRevisions_newestFirstEachWithItsPins() {
    List<Revision> plan = plan();
    assertThat(plan).extracting(Revision::number).containsExactly(7, 6, 5, 4);
    assertThat(plan).extracting(Revision::current).containsExactly(true, false, false, false);
    assertThat(plan).extracting(Revision::ready).containsExactly(3, 0, 0, 0);
    assertThat(plan).extracting(Revision::mode).containsExactly(null, "observe", null, null);
    assertThat(plan).extracting(Revision::serves).containsExactly(true, true, true, false);
    assertThat(plan.get(0).image()).startsWith("registry.example.com/ml-service@sha256:");
    assertThat(plan.get(2).pins()).isEmpty();
  }

  @Test
  void read_pinOfAnArtifactThatIsThere_hasItsDigest() {
    Pinned pin = plan().get(1).pins().get(0);
    assertThat(pin.version()).isEqualTo("20261116");
    assertThat(pin.digest()).isEqualTo(STORE.load("risk-score", "20261116").digest());
    assertThat(pin.fault()).isNull();
  }

  @Test
  void read_pinOfAnArtifactThatIsGone_saysSo() {
    Pinned pin = plan().get(3).pins().get(0);
    assertThat(pin.digest()).isNull();
    assertThat(pin.fault()).contains("20260901");
  }

  @Test
  void read_pinOfEveryModel_isOneOfEach() {
    at(PIN).put("value", "20261116");
    assertThat(plan().get(0).pins())
        .extracting(Pinned::model)
        .containsExactly("credit-default", "risk-score");
  }

  @Test
  void read_pinThatTheServiceWouldRefuse_cannotBeServed() {
    for (String text :
        List.of("latest", "risk-score=", "risk-score=20261116,risk-score=20261123")) {
      at(PIN).put("value", text);
      assertThat(plan().get(0).fault()).contains(text, "expected V, or model=V");
      assertThat(plan().get(0).serves()).isFalse();
    }
  }

  @Test
  void read_pinFromElsewhere_isNotGuessed() {
    at(PIN).remove("value");
    at(PIN).putObject("valueFrom").putObject("configMapKeyRef").put("name", "pins");
    assertThat(plan().get(0).serves()).isFalse();
  }

  @Test
  void read_setsOfOthers_areLeftOut() {
    at("/items/1/metadata/ownerReferences/0").put("name", "another");
    at("/items/2").put("kind", "Pod");
    at("/items/3/metadata/annotations").remove("deployment.kubernetes.io/revision");
    assertThat(plan()).extracting(Revision::number).containsExactly(7);
  }

  @Test
  void read_otherInput_isRefused() throws IOException {
    assertThatThrownBy(() -> RolloutPlan.read(list, "other", STORE))
        .isInstanceOf(Failure.class)
        .hasMessageContaining("a List with 0 ReplicaSets of deployment/other");
    for (String text : List.of("[]", "1", "{\"kind\":\"PodList\",\"items\":[]}", "{\"items\":3}")) {
      JsonNode other = new ObjectMapper().readTree(text);
      assertThatThrownBy(() -> RolloutPlan.read(other, "ml-service", STORE))
          .hasMessageContaining("expected 1 to 1000");
    }
  }
}
