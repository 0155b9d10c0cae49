package io.apgms.ml.registry.archive;

import static io.apgms.ml.registry.archive.ModuleArchive.refused;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * The members of a zip archive (PKWARE's APPNOTE) that is to be read in one way only: the central
 * directory ends the file, each local header says the same as its entry there, and the members lie
 * one after another from the first byte on.
 */
final class ZipDirectory {
  private static final int END_BYTES = 22;
  private static final int ZIP64_END_BYTES = 56 + 20; // the record and its locator
  private static final int MAX_ENTRIES = 10_000;
  private static final int MAX_GAP = 24; // a data descriptor
  private static final int DESCRIPTOR = 0x0008;
  private static final int UTF8 = 0x0800;
  private static final int STORED = 0;
  private static final int DEFLATED = 8;

  /**
   * One member.
   *
   * @param at where its bytes begin
   * @param packed how many there are in the archive
   * @param size how many they stand for
   */
  record Entry(String name, boolean deflated, int header, int at, int packed, int size) {
    private long end() {
      return (long) at + packed;
    }

    /** Its bytes, unpacked. */
    byte[] bytes(byte[] archive, int maxBytes) {
      if (size > maxBytes) {
        throw refused(name + " has " + size + " bytes, expected at most " + maxBytes);
      }
      return deflated ? inflate(archive) : Arrays.copyOfRange(archive, at, at + packed);
    }

    private byte[] inflate(byte[] archive) {
      Inflater inflater = new Inflater(true);
      try {
        inflater.setInput(archive, at, packed);
        byte[] out = new byte[size + 1];
        int length = 0;
        for (int got = 1; got > 0 && length < out.length; length += got) {
          got = inflater.inflate(out, length, out.length - length);
        }
        if (length != size || !inflater.finished() || inflater.getRemaining() != 0) {
          throw refused(name + " unpacks to other than its " + size + " bytes");
        }
        return Arrays.copyOf(out, size);
      } catch (DataFormatException e) {
        throw refused(name + " cannot be unpacked");
      } finally {
        inflater.end();
      }
    }
  }

  private final ByteBuffer zip;

  private ZipDirectory(byte[] archive) {
    this.zip = ByteBuffer.wrap(archive).order(ByteOrder.LITTLE_ENDIAN);
  }

  static List<Entry> read(byte[] archive) {
    try {
      return new ZipDirectory(archive).entries();
    } catch (BufferUnderflowException | IndexOutOfBoundsException e) {
      throw refused("is cut, expected a zip archive");
    }
  }

  private List<Entry> entries() {
    int end = zip.capacity() - END_BYTES;
    if (end < 0 || zip.getInt(end) != 0x06054b50) {
      throw refused("does not end as a zip archive without a comment does");
    }
    int count = u16(end + 10);
    int size = zip.getInt(end + 12);
    int start = zip.getInt(end + 16);
    boolean plain = (long) start + size == end;
    boolean zip64 = (long) start + size == end - ZIP64_END_BYTES && isZip64End(end, count);
    if (zip.getInt(end + 4) != 0
        || u16(end + 8) != count
        || u16(end + 20) != 0
        || start < 0
        || size < 0
        || !(plain || zip64)
        || count > MAX_ENTRIES) {
      throw refused("has a directory that does not end where the archive does");
    }
    List<Entry> entries = new ArrayList<>();
    zip.position(start);
    for (int i = 0; i < count; i++) {
      entries.add(entry());
    }
    if (zip.position() != start + size) {
      throw refused("has bytes in its directory that are no entry");
    }
    requireOneAfterAnother(entries, start);
    return entries;
  }

  /** It must say what the end record says. */
  private boolean isZip64End(int end, int count) {
    int at = end - ZIP64_END_BYTES;
    return at >= 0
        && zip.getInt(at) == 0x06064b50
        && zip.getLong(at + 4) == 44
        && zip.getLong(at + 16) == 0
        && zip.getLong(at + 24) == count
        && zip.getLong(at + 32) == count
        && zip.getLong(at + 40) == zip.getInt(end + 12)
        && zip.getLong(at + 48) == zip.getInt(end + 16)
        && zip.getInt(at + 56) == 0x07064b50
        && zip.getInt(at + 60) == 0
        && zip.getLong(at + 64) == at
        && zip.getInt(at + 72) == 1;
  }

  private Entry entry() {
    int at = zip.position();
    int flags = u16(at + 8);
    int method = u16(at + 10);
    int packed = zip.getInt(at + 20);
    int size = zip.getInt(at + 24);
    int nameLength = u16(at + 28);
    int extraLength = u16(at + 30);
    int header = zip.getInt(at + 42);
    String name = text(at + 46, nameLength);
    if (zip.getInt(at) != 0x02014b50
        || (flags & ~(DESCRIPTOR | UTF8)) != 0
        || (method != STORED && method != DEFLATED)
        || (method == STORED && packed != size)
        || packed < 0
        || size < 0
        || header < 0
        || at + 46 + nameLength + extraLength > zip.limit()
        || u16(at + 32) != 0 // a comment
        || u16(at + 34) != 0) { // another disk
      throw refused(
          "has a member " + ModuleArchive.printable(name) + " of an odd kind, expected plain ones");
    }
    zip.position(at + 46 + nameLength + extraLength);
    int start = header + 30 + u16(header + 26) + u16(header + 28);
    boolean later = (flags & DESCRIPTOR) != 0;
    if (zip.getInt(header) != 0x04034b50
        || u16(header + 6) != flags
        || u16(header + 8) != method
        || (!later && (zip.getInt(header + 18) != packed || zip.getInt(header + 22) != size))
        || !text(header + 30, u16(header + 26)).equals(name)) {
      throw refused(
          "has a member " + ModuleArchive.printable(name) + " that its header calls otherwise");
    }
    return new Entry(name, method == DEFLATED, header, start, packed, size);
  }

  private static void requireOneAfterAnother(List<Entry> entries, int directory) {
    List<Entry> sorted = new ArrayList<>(entries);
    sorted.sort(Comparator.comparingInt(Entry::header));
    long free = 0;
    for (int i = 0; i <= sorted.size(); i++) {
      int next = i == sorted.size() ? directory : sorted.get(i).header();
      if (next < free || next - free > (i == 0 ? 0 : MAX_GAP)) {
        throw refused("has " + (next - free) + " bytes between its members, expected none");
      }
      free = i == sorted.size() ? next : sorted.get(i).end();
    }
  }

  private int u16(int at) {
    return zip.getShort(at) & 0xffff;
  }

  private String text(int at, int length) {
    byte[] bytes = new byte[length];
    zip.get(at, bytes);
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }
}
