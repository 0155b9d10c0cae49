package io.apgms.ml.scoring;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** TorchScript archives of a module without tensors, to misbehave as a test needs it. */
final class TinyModule {
  // Pickle protocol 2: an object of class Tiny whose only attribute is training = False.
  private static final String OBJECT =
      "\u0080\2c__torch__\nTiny\n)\u0081}(X\b\0\0\0training\u0089ub.";
  private static final String EMPTY_TUPLE = "\u0080\2).";

  private TinyModule() {}

  /** An archive whose {@code forward(self, input: Tensor) -> Tensor} has these lines. */
  static byte[] forward(String... lines) {
    Map<String, String> entries = new LinkedHashMap<>();
    entries.put("data.pkl", OBJECT);
    entries.put(
        "code/__torch__.py",
        "class Tiny(Module):\n"
            + "  __parameters__ = []\n"
            + "  __buffers__ = []\n"
            + "  training : bool\n"
            + "  def forward(self: __torch__.Tiny,\n"
            + "    input: Tensor) -> Tensor:\n    "
            + String.join("\n    ", lines)
            + "\n");
    entries.put("constants.pkl", EMPTY_TUPLE);
    entries.put("version", "10\n");
    return zip(entries);
  }

  private static byte[] zip(Map<String, String> entries) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (Map.Entry<String, String> entry : entries.entrySet()) {
        zip.putNextEntry(new ZipEntry("tiny/" + entry.getKey()));
        zip.write(entry.getValue().getBytes(ISO_8859_1));
        zip.closeEntry();
      }
    } catch (IOException e) {
      throw new UncheckedIOException("memory can always be written", e);
    }
    return bytes.toByteArray();
  }
}
