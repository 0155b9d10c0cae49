package io.apgms.ml.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.apgms.ml.training.report.ReportDifference;
import io.apgms.ml.training.torchscript.ArchiveDifference;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DifferenceTest {
  private static final Path SHIPPED = TestRuns.REPOSITORY.resolve("artifacts/models/risk-score");

  private static byte[] model(String version) throws IOException {
    return Files.readAllBytes(SHIPPED.resolve(version).resolve("model.pt"));
  }

  /** The archive with one entry changed. */
  private static byte[] with(byte[] archive, String entry, UnaryOperator<byte[]> change)
      throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ZipInputStream in = new ZipInputStream(new ByteArrayInputStream(archive));
        ZipOutputStream zip = new ZipOutputStream(out)) {
      for (ZipEntry e = in.getNextEntry(); e != null; e = in.getNextEntry()) {
        byte[] bytes = in.readAllBytes();
        zip.putNextEntry(new ZipEntry(e.getName()));
        zip.write(e.getName().equals(entry) ? change.apply(bytes) : bytes);
      }
    }
    return out.toByteArray();
  }

  private static byte[] addToFirst(byte[] bytes, float more) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes.clone()).order(ByteOrder.LITTLE_ENDIAN);
    return buffer.putFloat(0, buffer.getFloat(0) + more).array();
  }

  /** The storages in the order in which the archive is written: indices, then floats. */
  private static String storage(byte[] archive, boolean numbers) throws IOException {
    try (ZipInputStream in = new ZipInputStream(new ByteArrayInputStream(archive))) {
      for (ZipEntry e = in.getNextEntry(); e != null; e = in.getNextEntry()) {
        byte[] bytes = in.readAllBytes();
        if (e.getName().contains("/data/")) {
          ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
          boolean indices = bytes.length % 8 == 0 && bytes.length > 64;
          for (int i = 0; indices && i < bytes.length; i += 8) {
            indices = b.getLong(i) >= 0 && b.getLong(i) < 100;
          }
          if (indices != numbers && (indices || Math.abs(b.getFloat(0)) > 0.01)) {
            return e.getName();
          }
        }
      }
    }
    throw new AssertionError("no such storage");
  }

  @Test
  void largest_sameArchive_isNone() throws IOException {
    assertThat(ArchiveDifference.largest(model("20261123"), model("20261123"))).isZero();
  }

  @Test
  void largest_oneWeightMoved_isThatDistance() throws IOException {
    byte[] shipped = model("20261123");
    byte[] moved = with(shipped, storage(shipped, true), b -> addToFirst(b, 1e-3f));

    assertThat(ArchiveDifference.largest(shipped, moved)).isCloseTo(1e-3, within(1e-5));
  }

  @Test
  void largest_otherColumnNumber_isInfinite() throws IOException {
    byte[] shipped = model("20261123");
    byte[] moved =
        with(
            shipped,
            storage(shipped, false),
            b -> {
              byte[] other = b.clone();
              other[0] ^= 1;
              return other;
            });

    assertThat(ArchiveDifference.largest(shipped, moved)).isInfinite();
  }

  @Test
  void largest_otherCodeOrNoArchive_isInfinite() throws IOException {
    byte[] shipped = model("20261123");
    byte[] code = with(shipped, "model/code/__torch__.py", b -> new byte[b.length]);

    assertThat(ArchiveDifference.largest(shipped, code)).isInfinite();
    assertThat(ArchiveDifference.largest(shipped, new byte[] {1, 2})).isInfinite();
    assertThat(ArchiveDifference.largest(new byte[0], new byte[0])).isInfinite();
  }

  @Test
  void largest_anotherVersion_isFar() throws IOException {
    assertThat(ArchiveDifference.largest(model("20261116"), model("20261123"))).isGreaterThan(0.01);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"a\":1,\"b\":[2,{\"c\":3}]} | {\"a\":1,\"b\":[2,{\"c\":3}]} | 0",
        "{\"a\":1,\"b\":[2,{\"c\":3}]} | {\"a\":1,\"b\":[2,{\"c\":3.5}]} | 0.5",
        "{\"a\":1} | {\"a\":1.0} | 0",
        "{\"a\":1} | {\"b\":1} | Infinity",
        "{\"a\":1} | {\"a\":1,\"b\":1} | Infinity",
        "{\"a\":[1]} | {\"a\":[1,1]} | Infinity",
        "{\"a\":\"x\"} | {\"a\":\"y\"} | Infinity",
        "{\"a\":1} | {\"a\":\"1\"} | Infinity",
        "{\"a\":null} | {\"a\":0} | Infinity",
        "{\"skip\":1,\"a\":1} | {\"skip\":2,\"a\":1} | 0",
        "{\"skip\":1,\"a\":1} | {\"a\":1} | 0"
      })
  void largest_reports_isTheFarthestNumber(String one, String other, double expected) {
    assertThat(
            ReportDifference.largest(
                "r.json",
                one.getBytes(StandardCharsets.UTF_8),
                other.getBytes(StandardCharsets.UTF_8),
                Set.of("skip")))
        .isEqualTo(expected);
  }
}
