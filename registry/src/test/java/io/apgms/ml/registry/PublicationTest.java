package io.apgms.ml.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PublicationTest {
  private static final String MODEL = ArtifactFixture.MODEL;
  private static final String VERSION = ArtifactFixture.VERSION;

  @TempDir Path dir;
  private Path registry;
  private ArtifactFixture candidate;

  @BeforeEach
  void folders() throws IOException {
    candidate = new ArtifactFixture(dir.resolve("candidates"));
    registry = Files.createDirectories(dir.resolve("models"));
  }

  private Publication stage() {
    return Publication.stage(
        candidate.root, registry, ArtifactStore::withoutSignatures, MODEL, VERSION);
  }

  private List<String> inRegistry() throws IOException {
    try (Stream<Path> all = Files.list(registry)) {
      return all.map(p -> p.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void publish_aCandidate_isTheSameArtifactAndLeavesNothingElse() throws IOException {
    VerifiedArtifact before = candidate.load();
    try (Publication publication = stage()) {
      assertThat(ArtifactStore.withoutSignatures(registry).models())
          .as("nothing is served yet")
          .isEmpty();
      publication.publish();
    }
    assertThat(inRegistry()).containsExactly(MODEL);
    assertThat(ArtifactStore.withoutSignatures(registry).load(MODEL, VERSION).digest())
        .isEqualTo(before.digest());
    assertThat(candidate.load().digest()).as("the candidate stays").isEqualTo(before.digest());
  }

  @Test
  void publish_notCalled_leavesNothing() throws IOException {
    stage().close();
    assertThat(inRegistry()).isEmpty();
  }

  @Test
  void publish_theSameAgain_isDone_another_isConflict() throws IOException {
    try (Publication publication = stage()) {
      publication.publish();
    }
    try (Publication again = stage()) {
      again.publish();
    }
    candidate.add("report.md", ArtifactFixture.utf8("# Other\n"));
    try (Publication other = stage()) {
      assertThatThrownBy(other::publish)
          .isInstanceOf(RegistryException.Conflict.class)
          .hasMessageContaining("another artifact is published");
    }
    assertThat(inRegistry()).containsExactly(MODEL);
  }

  @Test
  void stage_candidateChangedAfterwards_publishesWhatWasVerified() throws IOException {
    String verified = candidate.load().digest();
    try (Publication publication = stage()) {
      candidate.add("report.md", ArtifactFixture.utf8("# Swapped\n"));
      publication.publish();
    }
    assertThat(ArtifactStore.withoutSignatures(registry).load(MODEL, VERSION).digest())
        .isEqualTo(verified);
  }

  @Test
  void stage_alteredCandidate_isRefusedAndLeavesNothing() throws IOException {
    Files.write(candidate.folder.resolve("report.md"), ArtifactFixture.utf8("altered"));
    assertThatThrownBy(this::stage).isInstanceOf(RegistryException.Corrupt.class);
    assertThat(inRegistry()).isEmpty();
  }

  @Test
  void stage_linkInTheCandidate_isRefused() throws IOException {
    Path report = candidate.folder.resolve("report.md");
    Path outside = Files.move(report, dir.resolve("outside.md"));
    Files.createSymbolicLink(report, outside);
    assertThatThrownBy(this::stage)
        .isInstanceOf(RegistryException.Corrupt.class)
        .hasMessageContaining("no plain file");
    assertThat(inRegistry()).isEmpty();
  }

  @Test
  void stage_noSuchCandidate_isNotFound() {
    assertThatThrownBy(
            () ->
                Publication.stage(
                    candidate.root, registry, ArtifactStore::withoutSignatures, MODEL, "20200101"))
        .isInstanceOf(RegistryException.NotFound.class);
  }

  @Test
  void stage_foldersOfAKilledProcess_areRemoved() throws IOException {
    Path old = Files.createDirectories(registry.resolve(".staging-old/m/20260101"));
    Files.writeString(old.resolve("model.pt"), "x");
    Files.setLastModifiedTime(
        registry.resolve(".staging-old"), FileTime.from(Instant.now().minusSeconds(7_200)));
    Path young = Files.createDirectories(registry.resolve(".staging-young"));
    stage().close();
    assertThat(inRegistry()).containsExactly(young.getFileName().toString());
  }
}
