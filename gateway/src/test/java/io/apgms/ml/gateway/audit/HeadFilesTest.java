package io.apgms.ml.gateway.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.AuditHead;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HeadFilesTest {
  private static final Instant NOON = Instant.parse("2026-11-24T12:00:00Z");

  @TempDir Path dir;
  private HeadKey key;

  @BeforeEach
  void key() throws IOException {
    key = HeadKey.open(dir);
  }

  private HeadFiles open() throws IOException {
    return HeadFiles.open(dir.resolve("heads"), key);
  }

  private static AuditHead head(long seq) {
    return new AuditHead(seq, String.format("%064x", seq));
  }

  private List<AuditHead> read() throws IOException {
    try (var heads =
        HeadReader.read(dir.resolve("heads"), dir.resolve("heads").resolve("audit-head.pub"))) {
      return heads.toList();
    }
  }

  @Test
  void append_andOpenAgain_goesOnAfterTheLast() throws IOException {
    open().append(head(3), NOON);
    HeadFiles again = open();
    assertThat(again.last().orElseThrow().head()).isEqualTo(head(3));
    again.append(head(5), NOON.plusSeconds(60));
    again.append(head(5), NOON.plus(Duration.ofDays(1)));
    assertThat(read()).containsExactly(head(3), head(5), head(5));
    assertThat(Files.exists(dir.resolve("heads/heads-2026-11-25.ndjson"))).isTrue();
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(keyFile())))
        .isEqualTo("rw-------");
  }

  private Path keyFile() {
    return dir.resolve("keys/audit-head.key");
  }

  @Test
  void append_afterHalfALine_replacesIt() throws IOException {
    open().append(head(3), NOON);
    Files.writeString(
        dir.resolve("heads/heads-2026-11-24.ndjson"), "{\"seq\":4,\"ha", StandardOpenOption.APPEND);
    HeadFiles again = open();
    assertThat(again.last().orElseThrow().head()).isEqualTo(head(3));
    again.append(head(6), NOON);
    assertThat(read()).containsExactly(head(3), head(6));
  }

  @Test
  void covering_overSeveralDays_isTheFirstAtOrAfter() throws IOException {
    HeadFiles heads = open();
    for (int i = 1; i <= 40; i++) {
      heads.append(head(i * 10L), NOON.plus(Duration.ofHours(7L * i)));
    }
    for (long seq = 1; seq <= 400; seq++) {
      assertThat(heads.covering(seq).orElseThrow().head().seq()).isEqualTo((seq + 9) / 10 * 10);
    }
    assertThat(heads.covering(401)).isEmpty();
  }

  @Test
  void append_overTheBound_removesTheOldestDays() throws IOException {
    HeadFiles heads = open();
    for (int day = 0; day < 553; day++) {
      heads.append(head(day), NOON.plus(Duration.ofDays(day)));
    }
    assertThat(read()).hasSize(550).first().isEqualTo(head(3));
  }

  @Test
  void open_headOfAnotherKeyOrEdited_isRefused() throws IOException {
    open().append(head(3), NOON);
    Path file = dir.resolve("heads/heads-2026-11-24.ndjson");
    String line = Files.readString(file);
    Files.writeString(file, line.replace("\"seq\":3", "\"seq\":4"));
    assertThatThrownBy(this::open).hasMessageContaining("not signed");
    assertThatThrownBy(this::read).hasMessageContaining("not signed");
    Files.writeString(file, line);
    Files.delete(keyFile());
    key = HeadKey.open(dir);
    assertThatThrownBy(this::open).hasMessageContaining("not signed");
  }
}
