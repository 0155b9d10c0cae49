package io.apgms.ml.training.torchscript;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** How far the float32 weights of two archives of {@link TorchArchive} are apart. */
public final class ArchiveDifference {
  private static final String DATA = "/data/";
  private static final int MAX_BYTES = 256 << 20;

  private ArchiveDifference() {}

  /**
   * The largest absolute difference of two weights; infinite where the archives differ in anything
   * but weights, or one of them is no archive.
   */
  public static double largest(byte[] one, byte[] other) {
    try {
      Map<String, byte[]> a = entries(one);
      Map<String, byte[]> b = entries(other);
      if (a.isEmpty() || !a.keySet().equals(b.keySet())) {
        return Double.POSITIVE_INFINITY;
      }
      double largest = 0;
      for (Map.Entry<String, byte[]> entry : a.entrySet()) {
        byte[] theirs = b.getOrDefault(entry.getKey(), new byte[0]);
        if (!Arrays.equals(entry.getValue(), theirs)) {
          largest = Math.max(largest, largest(entry.getKey(), entry.getValue(), theirs));
        }
      }
      return largest;
    } catch (IOException e) {
      return Double.POSITIVE_INFINITY;
    }
  }

  private static double largest(String name, byte[] one, byte[] other) {
    if (!name.contains(DATA) || one.length != other.length || one.length % 4 != 0) {
      return Double.POSITIVE_INFINITY;
    }
    ByteBuffer a = ByteBuffer.wrap(one).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer b = ByteBuffer.wrap(other).order(ByteOrder.LITTLE_ENDIAN);
    double largest = 0;
    while (a.hasRemaining()) {
      float x = a.getFloat();
      float y = b.getFloat();
      if (Float.floatToRawIntBits(x) != Float.floatToRawIntBits(y)) {
        // Small integers look like subnormal floats: a column number is not nearly another one.
        boolean number = plain(x) && plain(y);
        largest = number ? Math.max(largest, Math.abs((double) x - y)) : Double.POSITIVE_INFINITY;
        if (!number) {
          break;
        }
      }
    }
    return largest;
  }

  private static boolean plain(float value) {
    return Float.isFinite(value) && (value == 0 || Math.abs(value) >= Float.MIN_NORMAL);
  }

  private static Map<String, byte[]> entries(byte[] archive) throws IOException {
    Map<String, byte[]> out = new LinkedHashMap<>();
    try (ZipInputStream zip = new ZipInputStream(new ByteArrayInputStream(archive))) {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        out.put(entry.getName(), zip.readNBytes(MAX_BYTES));
      }
    }
    return out;
  }
}
