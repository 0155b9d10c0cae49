package io.apgms.ml.training.torchscript;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * An uncompressed zip whose payloads begin at multiples of 64 bytes, dated 1980: no clock in it.
 */
final class StoredZip {
  private static final int ALIGN = 64;
  private static final int LOCAL_HEADER = 30;
  private static final int EXTRA_HEADER = 4;
  // Not the first of January: for the earliest date the JDK adds a time in the local zone.
  private static final LocalDateTime DATE = LocalDateTime.of(1980, 2, 1, 0, 0);

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final ZipOutputStream zip = new ZipOutputStream(bytes, StandardCharsets.US_ASCII);

  void add(String name, byte[] content) {
    CRC32 crc = new CRC32();
    crc.update(content);
    ZipEntry entry = new ZipEntry(name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(content.length);
    entry.setCompressedSize(content.length);
    entry.setCrc(crc.getValue());
    entry.setTimeLocal(DATE);
    int unpadded = bytes.size() + LOCAL_HEADER + name.length() + EXTRA_HEADER;
    int padding = (ALIGN - unpadded % ALIGN) % ALIGN;
    byte[] extra = new byte[EXTRA_HEADER + padding];
    extra[0] = 'F';
    extra[1] = 'B';
    extra[2] = (byte) padding;
    entry.setExtra(extra);
    try {
      zip.putNextEntry(entry);
      zip.write(content);
      zip.closeEntry();
      zip.flush();
    } catch (IOException e) {
      throw new UncheckedIOException("memory can always be written", e);
    }
  }

  byte[] finish() {
    try {
      zip.close();
    } catch (IOException e) {
      throw new UncheckedIOException("memory can always be written", e);
    }
    return bytes.toByteArray();
  }
}
