package io.apgms.ml.flags;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FlagFileTest {
  private static final FlagContext ANYBODY = new FlagContext("risk-score", null, "e1");

  @TempDir Path dir;
  private final DecisionModes modes = new DecisionModes(null);
  private Path path;
  private FlagFile file;

  @BeforeEach
  void leased() {
    path = dir.resolve("flags.json");
    file = new FlagFile(path, modes);
    modes.force(new ForcedObserve(false, Set.of()), 0);
  }

  @Test
  void read_fileThatActs_acts() throws Exception {
    Files.writeString(path, Flags.withVariant("act"));
    file.read(0);
    assertThat(modes.resolve(ANYBODY, 0)).isEqualTo(new Mode(DecisionMode.ACT, ModeSource.FILE, 0));
  }

  @Test
  void read_missingFile_observesByDefault() {
    file.read(0);
    assertThat(modes.resolve(ANYBODY, 0).source()).isEqualTo(ModeSource.DEFAULT);
  }

  @Test
  void read_fileBrokenLater_agesFromTheLastGoodReading() throws Exception {
    Files.writeString(path, Flags.withVariant("act"));
    file.read(0);
    Files.writeString(path, "{\"features\":");
    file.read(1_000_000_000);
    assertThat(modes.resolve(ANYBODY, 1_000_000_000).flagAgeMs()).isEqualTo(1_000);
  }

  @Test
  void read_fileOverOneMebibyte_isRefused() throws Exception {
    Files.writeString(path, Flags.withVariant("act") + " ".repeat(FlagFile.MAX_BYTES));
    file.read(0);
    assertThat(modes.resolve(ANYBODY, 0).source()).isEqualTo(ModeSource.DEFAULT);
  }

  @Test
  void start_fileThatHangs_returnsAndObserves() throws Exception {
    assertThat(new ProcessBuilder("mkfifo", path.toString()).start().waitFor()).isZero();
    FlagFile.start(path, modes).close(); // a pipe nobody writes to
    assertThat(modes.resolve(ANYBODY, 0).source()).isEqualTo(ModeSource.DEFAULT);
  }

  @Test
  void start_readsBeforeItReturns() throws Exception {
    Files.writeString(path, Flags.withVariant("observe"));
    FlagFile.start(path, modes).close();
    assertThat(modes.resolve(ANYBODY, System.nanoTime()).source()).isEqualTo(ModeSource.FILE);
  }
}
