package io.apgms.ml.registry.archive;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** A module's archive, member by member: by itself as small as one can be. */
public final class TestArchive {
  private static final byte[] NONE = {(byte) 0x80, 2, 'N', '.'};
  private final Map<String, byte[]> members = new LinkedHashMap<>();

  public TestArchive() {
    members.put("m/data.pkl", NONE);
    members.put("m/code/__torch__.py", new byte[0]);
    members.put("m/constants.pkl", NONE);
    members.put("m/version", "10\n".getBytes(StandardCharsets.US_ASCII));
  }

  public TestArchive with(String name, byte[] bytes) {
    members.put(name, bytes);
    return this;
  }

  TestArchive with(String name, String text) {
    return with(name, text.getBytes(StandardCharsets.ISO_8859_1));
  }

  TestArchive without(String name) {
    members.remove(name);
    return this;
  }

  /** All stored. */
  public byte[] bytes() {
    return bytes("");
  }

  /** Members that start so are compressed. */
  byte[] bytes(String deflated) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(out)) {
      for (Map.Entry<String, byte[]> member : members.entrySet()) {
        ZipEntry entry = new ZipEntry(member.getKey());
        entry.setTime(315_619_200_000L);
        if (deflated.isEmpty() || !member.getKey().startsWith(deflated)) {
          CRC32 crc = new CRC32();
          crc.update(member.getValue());
          entry.setMethod(ZipEntry.STORED);
          entry.setSize(member.getValue().length);
          entry.setCrc(crc.getValue());
        }
        zip.putNextEntry(entry);
        zip.write(member.getValue());
        zip.closeEntry();
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return out.toByteArray();
  }
}
