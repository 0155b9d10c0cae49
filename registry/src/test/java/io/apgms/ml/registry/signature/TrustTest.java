package io.apgms.ml.registry.signature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.Validity;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrustTest {
  private static final VerifyingKey KEY = SigningKey.Pair.generate().verifying();
  private static final Trust TRUST =
      new Trust(
              List.of(
                  new Trust.Pinned(
                      KEY,
                      Set.of("risk-score", "credit-default"),
                      new Validity("2026-11-01T00:00:00Z", "2028-11-01T00:00:00Z"),
                      "ann's")),
              List.of())
          .with(Trust.Revoked.key("sha256:" + "a".repeat(64), "lost"))
          .with(Trust.Revoked.version("risk-score", "20261101", "poisoned"))
          .with(Trust.Revoked.digest("sha256:" + "b".repeat(64), "wrong rows"));

  @TempDir Path dir;

  @Test
  void parse_whatWasWritten_isTheSame() {
    byte[] json = TRUST.toJson();
    Trust read = Trust.parse(json);
    assertThat(read.toJson()).isEqualTo(json);
    assertThat(read.revoked()).isEqualTo(TRUST.revoked());
    assertThat(read.keysOf("risk-score").get(0).id()).isEqualTo(KEY.id());
    assertThat(read.keysOf("another")).isEmpty();
  }

  /**
   * A folder of evidence holds it: it must be readable, also where a development key is trusted.
   */
  @Test
  void only_oneModel_isThatModelsKeysAndCanBeReadAgain() {
    VerifyingKey development = SigningKey.Pair.generate().verifying();
    Trust all = TRUST.withDevelopmentKey(development);
    assertThatThrownBy(() -> Trust.parse(all.toJson())).hasMessageContaining("'*'");
    Trust read = Trust.parse(all.only("risk-score").toJson());
    assertThat(read.keysOf("risk-score"))
        .extracting(VerifyingKey::id)
        .containsExactly(KEY.id(), development.id());
    assertThat(read.keysOf("credit-default")).isEmpty();
    assertThat(read.revoked()).isEqualTo(TRUST.revoked());
    assertThat(Trust.parse(all.only("another").toJson()).keysOf("another")).hasSize(1);
  }

  private static final String[][] WRONG = {
    {"\"keys\" : [ {", "\"keyz\" : [ {", "'keyz'"},
    {"\"comment\"", "\"note\"", "'note'"},
    {"\"id\" : \"sha256:", "\"id\" : \"sha256:0", "keys[0].id"},
    {"\"risk-score\"", "\"*\"", "models"},
    {"\"risk-score\"", "\"credit-default\"", "models"},
    {"2028-11-01T00:00:00Z", "2028-11-01", "notAfter"},
    {"2028-11-01T00:00:00Z", "2028-13-01T00:00:00Z", "notAfter"},
    {"2028-11-01T00:00:00Z", "2026-11-01T00:00:00Z", "expected an end after its start"},
    {"BEGIN PUBLIC", "BEGIN PRIVATE", "PEM"},
    {"\"20261101\"", "\"latest\"", "latest"},
    {"\"reason\" : \"lost\"", "\"why\" : \"lost\"", "'why'"},
    {"sha256:aaaa", "md5:aaaa", "md5"},
    {"\"revoked\"", "\"revokd\"", "'revokd'"}
  };

  @Test
  void parse_notAsExpected_isInvalidAndNamesThePlace() {
    String good = new String(TRUST.toJson(), StandardCharsets.UTF_8).replace("[ {", "[ {");
    for (String[] mutant : WRONG) {
      String bad = good.replaceAll("\\[\\s+\\{", "[ {").replace(mutant[0], mutant[1]);
      assertThat(bad).as(mutant[1]).isNotEqualTo(good.replaceAll("\\[\\s+\\{", "[ {"));
      assertThatThrownBy(() -> Trust.parse(bad.getBytes(StandardCharsets.UTF_8)))
          .as(mutant[1])
          .isInstanceOf(RegistryException.Invalid.class)
          .hasMessageContaining(mutant[2]);
    }
    assertThatThrownBy(() -> Trust.parse("{}".getBytes(StandardCharsets.UTF_8)))
        .hasMessageContaining("trust.keys is missing");
  }

  @Test
  void pin_keyTwice_isInvalidAndAnewReplaces() {
    Trust.Pinned pinned = TRUST.keys().get(0);
    assertThatThrownBy(() -> new Trust(List.of(pinned, pinned), List.of()))
        .isInstanceOf(RegistryException.Invalid.class)
        .hasMessageContaining("pinned twice");
    Trust.Pinned anew = new Trust.Pinned(KEY, Set.of("tiny"), pinned.validity(), "again");
    assertThat(TRUST.with(anew).keys()).containsExactly(anew);
    assertThat(TRUST.without(KEY.id()).keys()).isEmpty();
    assertThatThrownBy(() -> TRUST.without("sha256:0")).hasMessageContaining(KEY.id());
    assertThatThrownBy(() -> new Trust.Pinned(KEY, Set.of(), pinned.validity(), ""))
        .hasMessageContaining("for no model");
  }

  @Test
  void file_changedMeanwhile_isReadAnew() throws IOException {
    Path path = Files.write(dir.resolve("trust.json"), TRUST.toJson());
    TrustFile file = new TrustFile(path, dir.resolve("development.pub.pem"));
    assertThat(file.get().keys()).hasSize(1);
    assertThat(file.developmentKey()).isNull();

    file.change(t -> t.with(Trust.Revoked.version("risk-score", "20261116", "late")));
    assertThat(file.get().revoked()).hasSize(4);

    VerifyingKey mine = SigningKey.Pair.generate().verifying();
    Files.writeString(dir.resolve("development.pub.pem"), mine.pem());
    assertThat(file.get().keysOf("anything").get(0).id()).isEqualTo(mine.id());
    assertThat(new TrustFile(path, null).get().keysOf("anything")).isEmpty();
    file.change(t -> t);
    assertThat(Files.readString(path)).as("never written").doesNotContain(mine.id());

    assertThatThrownBy(
            () -> file.change(t -> t.with(Trust.Revoked.version("a", "20260101", "x".repeat(501)))))
        .isInstanceOf(RegistryException.Invalid.class);
    assertThat(file.get().revoked()).as("left as it was").hasSize(4);

    Files.writeString(path, "{");
    assertThatThrownBy(file::get).isInstanceOf(RegistryException.Invalid.class);
    Files.delete(path);
    assertThatThrownBy(file::get)
        .isInstanceOf(RegistryException.Invalid.class)
        .hasMessageNotContaining(dir.toString());
  }
}
