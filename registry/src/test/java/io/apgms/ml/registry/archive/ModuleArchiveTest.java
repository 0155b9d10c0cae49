package io.apgms.ml.registry.archive;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.RegistryException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModuleArchiveTest {
  private static void assertRefused(byte[] archive, String text) {
    assertThatThrownBy(() -> ModuleArchive.check(archive))
        .isInstanceOf(RegistryException.Corrupt.class)
        .hasMessageStartingWith("model.pt ")
        .hasMessageContaining(text);
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = ModuleArchiveTest.class.getResourceAsStream(name)) {
      return in.readAllBytes();
    }
  }

  /** Scripted and frozen by PyTorch 1.13.1 with submodules, buffers of six types, typed lists. */
  @ParameterizedTest
  @ValueSource(strings = {"script.pt", "frozen.pt"})
  void check_archiveOfPython_isTaken(String name) throws IOException {
    byte[] archive = resource(name);
    assertThatCode(() -> ModuleArchive.check(archive)).doesNotThrowAnyException();
  }

  @Test
  void check_eachShippedModule_isTaken() throws IOException {
    try (Stream<Path> files = Files.walk(Path.of("../artifacts/models"))) {
      List<Path> modules = files.filter(f -> f.endsWith("model.pt")).toList();
      assertThat(modules).hasSizeGreaterThanOrEqualTo(4);
      for (Path module : modules) {
        ModuleArchive.check(Files.readAllBytes(module));
      }
    }
  }

  @Test
  void check_smallestArchive_isTaken() {
    ModuleArchive.check(new TestArchive().bytes());
    ModuleArchive.check(
        new TestArchive()
            .with("m/data/0", "x")
            .with("m/extra/features.txt", "a")
            .with("m/byteorder", "little")
            .with("m/.data/serialization_id", "1")
            .with("m/code/__torch__/a/b.py.debug_pkl", new byte[] {(byte) 0x80, 2, ')', '.'})
            .bytes("m/code/"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "m/../../etc/passwd",
        "m/code/../../x.py",
        "/m/data/1",
        "n/data/0",
        "m/data/../0",
        "m/data\\0",
        "m/data/x",
        "m/data/0/",
        "m/DATA.PKL",
        "m/code/x.so",
        "m/code/lib.so.py.so",
        "m/bytecode.pkl",
        "m/payload.bin",
        "m/extra/../x",
        "m/extra/.hidden",
        "m/extra/a/b",
        "m/",
        "data.pkl",
        "m/code/x\0.py",
        "m/code/é.py"
      })
  void check_memberThatTorchDoesNotWrite_isRefused(String name) {
    assertRefused(new TestArchive().with(name, "").bytes(), "member");
  }

  @ParameterizedTest
  @ValueSource(strings = {"m/data.pkl", "m/constants.pkl", "m/version", "m/code/__torch__.py"})
  void check_memberMissing_isRefused(String name) {
    assertRefused(new TestArchive().without(name).bytes(), "has no member");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\u0080\u0002cos\nsystem\n(X\u0004\u0000\u0000\u0000trueRt.",
        "\u0080\u0002cbuiltins\neval\n.",
        "\u0080\u0002c__builtin__\nexec\n.",
        "\u0080\u0002ctorch\nload\n.",
        "\u0080\u0002ctorch.hub\nload\n.",
        "\u0080\u0002ctorch._utils\n_rebuild_sparse_tensor\n.",
        "\u0080\u0002c__torch__.a;b\nX\n.",
        "\u0080\u0002c__torch__evil\nX\n.",
        "\u0080\u0002X\u0002\u0000\u0000\u0000osX\u0006\u0000\u0000\u0000system\u0093.",
        "\u0080\u0002(ios\nsystem\n.",
        "\u0080\u0002(o.",
        "\u0080\u0002P1\n.",
        "\u0080\u0002\u0082\u0001.",
        "\u0080\u0004N.",
        "\u0080\u0002N.N.",
        "\u0080\u0002N",
        "\u0080\u0002X\u00ff\u00ff\u00ff\u007fN.",
        "\u0080\u0002X\u00ff\u00ff\u00ff\u00ffN.",
        "\u0080\u0002ctorch",
        ""
      })
  void check_pickleThatCouldReachMore_isRefused(String pickle) {
    for (String name : List.of("data.pkl", "constants.pkl", "code/__torch__.py.debug_pkl")) {
      assertRefused(new TestArchive().with("m/" + name, pickle).bytes(), name);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "torch.from_file(\"/etc/passwd\")",
        "torch . save (x, \"f\")",
        "ops.aten.save(x, \"f\")",
        "ops.custom.exec(\"true\")",
        "ops . evil . run()",
        "torch.load(\"x\")"
      })
  void check_codeThatOpensFilesOrCallsOtherLibraries_isRefused(String call) {
    String code = "class M(Module):\n  def forward(self, x):\n    return " + call + "\n";
    TestArchive archive = new TestArchive().with("m/code/__torch__.py", code);
    assertRefused(archive.bytes(), "calls");
    assertRefused(archive.bytes("m/code/"), "calls");
  }

  @Test
  void check_codeOfTheUsualOperators_isTaken() {
    String code = "    ops.prim.RaiseException(\"x\")\n    y = torch.saved + ops.aten.add(x)\n";
    ModuleArchive.check(new TestArchive().with("m/code/__torch__.py", code).bytes());
  }

  @Test
  void check_compressedPickleOrTensor_isRefused() {
    assertRefused(new TestArchive().bytes("m/data.pkl"), "compressed");
    assertRefused(new TestArchive().with("m/data/0", "x").bytes("m/data/"), "compressed");
  }

  @Test
  void check_bomb_isRefusedWithoutBeingUnpacked() {
    byte[] zeros = new byte[(16 << 20) + 1];
    Arrays.fill(zeros, (byte) '\n');
    assertRefused(new TestArchive().with("m/code/__torch__.py", zeros).bytes("m/code"), "at most");
  }

  @Test
  void check_cutAnywhere_isRefused() throws IOException {
    byte[] good = resource("frozen.pt");
    for (int length = 0; length < good.length; length += 13) {
      assertRefused(Arrays.copyOf(good, length), "");
      assertRefused(Arrays.copyOfRange(good, good.length - length, good.length), "");
    }
    assertRefused(Arrays.copyOf(good, good.length + 1), "does not end");
  }

  private static byte[] changed(Consumer<ByteBuffer> change) {
    byte[] archive = new TestArchive().with("m/data/0", "tensor").bytes();
    ByteBuffer buffer = ByteBuffer.wrap(archive).order(ByteOrder.LITTLE_ENDIAN);
    change.accept(buffer);
    return archive;
  }

  private static int directory(ByteBuffer zip) {
    return zip.getInt(zip.capacity() - 6);
  }

  /** Readers that look at the headers would see another archive than those of the directory. */
  @Test
  void check_archiveThatReadsInTwoWays_isRefused() {
    ModuleArchive.check(changed(zip -> {}));
    assertRefused(changed(zip -> zip.put(30, (byte) 'n')), "calls otherwise");
    assertRefused(changed(zip -> zip.putInt(22, 1)), "calls otherwise");
    assertRefused(changed(zip -> zip.putShort(8, (short) 8)), "calls otherwise");
    assertRefused(changed(zip -> zip.putInt(directory(zip) + 42, 1)), "calls otherwise");
    assertRefused(changed(zip -> zip.putInt(directory(zip) + 42, -1)), "odd kind");
    assertRefused(changed(zip -> zip.putInt(directory(zip) + 24, -1)), "odd kind");
    assertRefused(changed(zip -> zip.putShort(directory(zip) + 10, (short) 12)), "odd kind");
    assertRefused(changed(zip -> zip.putShort(directory(zip) + 8, (short) 1)), "odd kind");
    int end = new TestArchive().with("m/data/0", "tensor").bytes().length - 22;
    assertRefused(changed(zip -> zip.putShort(end + 10, (short) 4)), "directory");
    assertRefused(changed(zip -> zip.putShort(end + 20, (short) 1)), "directory");
    assertRefused(changed(zip -> zip.putInt(end + 16, 0)), "directory");
    byte[] good = new TestArchive().bytes();
    byte[] prefixed = new byte[good.length + 4];
    System.arraycopy(good, 0, prefixed, 4, good.length);
    assertRefused(prefixed, "directory");
    assertRefused(new TestArchive().with("m/data/0", "x").with("m/DATA/0", "x").bytes(), "member");
    assertRefused("PK".getBytes(StandardCharsets.US_ASCII), "does not end");
  }
}
