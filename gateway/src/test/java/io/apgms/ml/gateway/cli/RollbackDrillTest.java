package io.apgms.ml.gateway.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.gateway.WrongGolden;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.Deployment;
import io.apgms.ml.registry.DrillResult;
import io.apgms.ml.registry.DrillResult.Outcome;
import io.apgms.ml.registry.Pointer;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.signature.Trust;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rehearsals over a copy of the shipped artifacts: the one that passes, and a reason each. */
class RollbackDrillTest {
  private static final String MODEL = "risk-score";
  private static final String OLD = "20261116";
  private static final String NEW = "20261123";

  @TempDir Path models;
  private Trust trust;
  private RollbackDrill drill;

  @BeforeEach
  void copy() throws IOException {
    Path shipped = Path.of("../artifacts/models");
    try (Stream<Path> files = Files.walk(shipped.resolve(MODEL))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Path to = models.resolve(shipped.relativize(file).toString());
        Files.createDirectories(to.getParent());
        Files.copy(file, to);
      }
    }
    trust = Trust.parse(Files.readAllBytes(Path.of("../conf/trust.json")));
    drill =
        new RollbackDrill(ArtifactStore.trusting(models, () -> trust, InstantSource.system()), 8);
  }

  @AfterEach
  void close() {
    drill.close();
  }

  private String digest(String version) throws IOException {
    byte[] manifest = Files.readAllBytes(models.resolve(MODEL).resolve(version + "/manifest.json"));
    return "sha256:" + ArtifactStore.sha256(manifest);
  }

  private DrillResult run() throws Exception {
    Deployment old = old();
    return run(model -> old);
  }

  private DrillResult run(RollbackDrill.Targets targets) throws Exception {
    return drill.run(new Pointer(MODEL, 2, NEW, digest(NEW), null, Instant.now()), targets);
  }

  private Deployment old() throws IOException {
    return new Deployment(
        MODEL,
        1,
        OLD,
        digest(OLD),
        Deployment.Kind.bootstrap,
        null,
        null,
        "system",
        Instant.now(),
        "shipped",
        null,
        null,
        UUID.randomUUID());
  }

  private static void assertFailed(DrillResult result, Outcome why, String detail) {
    assertThat(result.outcome()).as(result.detail()).isEqualTo(why);
    assertThat(result.times()).isNull();
    assertThat(result.detail()).contains(detail);
  }

  @Test
  void run_goodTarget_measuresFromDiskAndWithoutIt() throws Exception {
    Deployment old = old();
    List<String> asked = new ArrayList<>();
    RollbackDrill.Targets targets =
        model -> {
          asked.add(model);
          if (asked.size() == 3) { // to be measured warm: the disk is not needed any more
            Path folder = models.resolve(MODEL).resolve(OLD);
            try {
              Files.move(folder, models.resolve("gone"));
            } catch (IOException e) {
              throw new AssertionError(e);
            }
          }
          return old;
        };
    DrillResult passed = run(targets);
    assertThat(passed.outcome()).as(passed.detail()).isEqualTo(Outcome.PASSED);
    assertThat(passed.active()).isEqualTo(NEW);
    assertThat(passed.target()).isEqualTo(OLD);
    assertThat(passed.times().diskSeconds()).isGreaterThan(passed.times().warmSeconds());
    assertThat(passed.times().warmSeconds()).isPositive();
    // The next one looks at the disk again, and finds that it is gone.
    assertFailed(run(model -> old), Outcome.MISSING, OLD);
  }

  @Test
  void run_targetAlteredOnDisk_fails() throws Exception {
    Path module = models.resolve(MODEL).resolve(OLD).resolve("model.pt");
    byte[] bytes = Files.readAllBytes(module);
    bytes[bytes.length / 2] ^= 1;
    Files.write(module, bytes);
    assertFailed(run(), Outcome.ALTERED, "model.pt has SHA-256");
    bytes[bytes.length / 2] ^= 1;
    Files.write(module, bytes);
    assertThat(run().outcome()).as("whole again").isEqualTo(Outcome.PASSED);
  }

  @Test
  void run_intactButAnotherArtifact_fails() throws Exception {
    Deployment deployed = old();
    trust = WrongGolden.plant(models, MODEL, OLD, trust);
    assertFailed(run(model -> deployed), Outcome.ALTERED, "as deployed");
  }

  @Test
  void run_goldenRowOfAnotherScore_fails() throws Exception {
    trust = WrongGolden.plant(models, MODEL, OLD, trust);
    assertFailed(run(), Outcome.GOLDEN, "expected 0.123456");
  }

  @Test
  void run_targetOrItsKeyRevoked_fails() throws Exception {
    Trust before = trust;
    trust = before.with(Trust.Revoked.version(MODEL, OLD, "INC-7"));
    assertFailed(run(), Outcome.REVOKED, "INC-7");
    trust = before.with(Trust.Revoked.key(before.keysOf(MODEL).get(0).id(), "stolen"));
    assertFailed(run(), Outcome.REVOKED, "stolen");
  }

  @Test
  void run_nothingToGoBackTo_fails() throws Exception {
    RollbackDrill.Targets pinned =
        model -> {
          throw new RegistryException.Conflict("pinned to 20261123: remove the pin first");
        };
    DrillResult result = run(pinned);
    assertFailed(result, Outcome.NO_TARGET, "pinned");
    assertThat(result.target()).isNull();
  }

  @Test
  void run_databaseAway_saysNothingOfTheRollback() {
    RollbackDrill.Targets away =
        model -> {
          throw new RegistryException.Unavailable("away");
        };
    assertThatThrownBy(() -> run(away)).isInstanceOf(RegistryException.Unavailable.class);
  }
}
