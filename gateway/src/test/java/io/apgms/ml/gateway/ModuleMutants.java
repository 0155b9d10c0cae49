package io.apgms.ml.gateway;

import static io.apgms.ml.gateway.Mutants.put;

import io.apgms.ml.gateway.Mutants.Change;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/** Modules that could do more than score, named in the manifest and signed by the pinned key. */
final class ModuleMutants {
  private static final String EVAL =
      "\u0080\u0002cbuiltins\neval\nX\u0001\u0000\u0000\u00001\u0085R.";

  private ModuleMutants() {}

  static Map<String, Change> bad() {
    Map<String, Change> bad = new LinkedHashMap<>();
    bad.put(
        "no archive", f -> put(f, "model.pt", "x".repeat(100).getBytes(StandardCharsets.UTF_8)));
    bad.put("empty module", f -> put(f, "model.pt", new byte[0]));
    bad.put("bytes before the archive", f -> put(f, "model.pt", shifted(module(f))));
    bad.put(
        "bytes after the archive",
        f -> put(f, "model.pt", Arrays.copyOf(module(f), module(f).length + 1)));
    for (String name :
        new String[] {
          "model/payload.so",
          "model/code/../../up.py",
          "/etc/cron.d/x",
          "other/data/0",
          "model/extra/.x",
          "model/DATA.pkl",
          "model/code/x\\y.py"
        }) {
      bad.put("member " + name, f -> put(f, "model.pt", with(module(f), name, "x")));
    }
    for (String pickle : new String[] {"data.pkl", "constants.pkl"}) {
      bad.put(
          "eval in " + pickle, f -> put(f, "model.pt", with(module(f), "model/" + pickle, EVAL)));
    }
    bad.put(
        "eval in a debug pickle",
        f -> put(f, "model.pt", with(module(f), "model/code/x.py.debug_pkl", EVAL)));
    for (String call :
        new String[] {
          "torch.from_file(\"/etc/passwd\")", "ops.mine.run()", "ops.aten.save(x, f)"
        }) {
      String code = "def f(x):\n  return " + call + "\n";
      bad.put(
          "code with " + call, f -> put(f, "model.pt", with(module(f), "model/code/x.py", code)));
    }
    bad.put(
        "a module of compressed members", f -> put(f, "model.pt", rewritten(module(f), "", "")));
    return bad;
  }

  private static byte[] module(Path folder) throws IOException {
    return Files.readAllBytes(folder.resolve("model.pt"));
  }

  private static byte[] shifted(byte[] bytes) {
    byte[] shifted = new byte[bytes.length + 1];
    System.arraycopy(bytes, 0, shifted, 1, bytes.length);
    return shifted;
  }

  static byte[] with(byte[] module, String name, String text) throws IOException {
    return rewritten(module, name, text);
  }

  /** All members anew and compressed, one of them added or replaced. */
  private static byte[] rewritten(byte[] module, String name, String text) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ZipInputStream in = new ZipInputStream(new ByteArrayInputStream(module));
        ZipOutputStream zip = new ZipOutputStream(out)) {
      for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
        byte[] bytes = in.readAllBytes();
        if (!entry.getName().equals(name)) {
          add(zip, entry.getName(), bytes, name.isEmpty());
        }
      }
      if (!name.isEmpty()) {
        add(zip, name, text.getBytes(StandardCharsets.ISO_8859_1), false);
      }
    }
    return out.toByteArray();
  }

  private static void add(ZipOutputStream zip, String name, byte[] bytes, boolean deflated)
      throws IOException {
    ZipEntry entry = new ZipEntry(name);
    if (!deflated) {
      CRC32 crc = new CRC32();
      crc.update(bytes);
      entry.setMethod(ZipEntry.STORED);
      entry.setSize(bytes.length);
      entry.setCrc(crc.getValue());
    }
    zip.putNextEntry(entry);
    zip.write(bytes);
    zip.closeEntry();
  }

  /** The same module in an archive of another writer, which is as good. */
  static Map<String, Change> good() {
    return Map.of(
        "a module of another writer",
        f -> put(f, "model.pt", with(module(f), "model/extra/note.txt", "x")));
  }
}
