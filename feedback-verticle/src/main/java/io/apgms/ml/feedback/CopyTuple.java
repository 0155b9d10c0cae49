package io.apgms.ml.feedback;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A decision as one tuple of PostgreSQL's binary COPY format: encoded once when it is spooled,
 * shipped as it is. The columns stand in the order of the table.
 *
 * @see <a href="https://www.postgresql.org/docs/18/sql-copy.html">COPY, binary format</a>
 */
final class CopyTuple {
  /** The columns of a tuple, by name: the table may have more. */
  static final String NAMES =
      "id, at, model_id, model_version, model_digest, features, groups, score, threshold, review,"
          + " act, enforced, mode_source, flag_age_ms, request_id, entity_id, contributions,"
          + " baseline, standard_error, rows_scored";

  /** As {@link #NAMES}, with where the row is in its batch: what {@link #place} writes. */
  static final String PLACED_NAMES = NAMES + ", batch, leaf";

  /** What {@link #place} adds to a tuple. */
  static final int PLACE_BYTES = 4 + 8 + 4 + 4;

  static final byte[] TRAILER = {-1, -1};

  static final short FIELDS = 20;
  private static final int NULL = -1;
  private static final int FLOAT4_OID = 700;
  private static final int FLOAT_BYTES = 8; // with its length
  private static final int EMPTY_BYTES = 12; // dimensions, nulls, type
  private static final int ARRAY_BYTES = EMPTY_BYTES + 8; // and of one dimension size, lower bound
  private static final long POSTGRES_EPOCH_MS = 946_684_800_000L; // 2000-01-01T00:00Z

  /** Bytes of an explanation but its contributions: the last four fields, there or null. */
  private static final int EXPLAINED_BYTES = 8 + 8 + 4;

  /** Bytes of everything but texts and arrays: the lengths, the count, the fixed fields. */
  private static final int FIXED_BYTES = 2 + FIELDS * 4 + 16 + 8 + 8 + 8 + 3 + 8;

  private CopyTuple() {}

  static byte[] header() {
    byte[] signature = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', (byte) 0xff, '\r', '\n', 0};
    return ByteBuffer.allocate(19).put(signature).putInt(0).putInt(0).array();
  }

  static byte[] encode(Decision d) {
    byte[] model = utf8(d.modelId());
    byte[] version = utf8(d.modelVersion());
    byte[] digest = utf8(d.modelDigest());
    byte[] source = utf8(d.modeSource());
    byte @Nullable [] groups = utf8OrNull(d.groupsJson());
    byte @Nullable [] request = utf8OrNull(d.requestId());
    byte @Nullable [] entity = utf8OrNull(d.entityId());
    int texts = model.length + version.length + digest.length + source.length;
    int optional = length(groups) + length(request) + length(entity);
    int features = length(d.features());
    ByteBuffer out =
        ByteBuffer.allocate(FIXED_BYTES + texts + optional + features + length(d.explained()));
    out.putShort(FIELDS);
    out.putInt(16).putLong(d.id().getMostSignificantBits());
    out.putLong(d.id().getLeastSignificantBits());
    out.putInt(8)
        .putLong(TimeUnit.MILLISECONDS.toMicros(d.at().toEpochMilli() - POSTGRES_EPOCH_MS));
    put(out, model);
    put(out, version);
    put(out, digest);
    put(out, d.features());
    put(out, groups);
    out.putInt(8).putDouble(d.score()).putInt(8).putDouble(d.threshold());
    put(out, d.review());
    put(out, d.act());
    put(out, d.enforced());
    put(out, source);
    out.putInt(8).putLong(d.flagAgeMs());
    put(out, request);
    put(out, entity);
    put(out, d.explained());
    return out.array();
  }

  /** Writes a tuple with two more fields: the row's batch, and its leaf in it. */
  static void place(ByteBuffer out, byte[] tuple, long batch, int leaf) {
    out.putShort((short) (FIELDS + 2)).put(tuple, 2, tuple.length - 2);
    out.putInt(8).putLong(batch).putInt(4).putInt(leaf);
  }

  /**
   * The decision of a tuple, without its body's hash.
   *
   * @throws IllegalArgumentException for bytes that {@link #encode} did not make
   */
  static Decision decode(byte[] tuple) {
    ByteBuffer in = ByteBuffer.wrap(tuple);
    try {
      expect(in.getShort(), FIELDS);
      expect(in.getInt(), 16);
      UUID id = new UUID(in.getLong(), in.getLong());
      expect(in.getInt(), 8);
      in.getLong(); // the time is the id's
      Decision decision =
          new Decision(
              id,
              text(in),
              text(in),
              text(in),
              floats(in, in.getInt()),
              textOrNull(in),
              number(in),
              number(in),
              flag(in),
              flag(in),
              flag(in),
              text(in),
              whole(in),
              textOrNull(in),
              null,
              textOrNull(in),
              explained(in));
      expect(in.remaining(), 0);
      return decision;
    } catch (BufferUnderflowException e) {
      throw new IllegalArgumentException("tuple ends after " + tuple.length + " bytes", e);
    }
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte @Nullable [] utf8OrNull(@Nullable String text) {
    return text == null ? null : utf8(text);
  }

  private static int length(byte @Nullable [] bytes) {
    return bytes == null ? 0 : bytes.length;
  }

  private static void put(ByteBuffer out, byte @Nullable [] bytes) {
    if (bytes == null) {
      out.putInt(NULL);
    } else {
      out.putInt(bytes.length).put(bytes);
    }
  }

  private static int length(Decision.@Nullable Explained explained) {
    return explained == null ? 0 : EXPLAINED_BYTES + length(explained.contributions());
  }

  private static void put(ByteBuffer out, Decision.@Nullable Explained explained) {
    if (explained == null) {
      out.putInt(NULL).putInt(NULL).putInt(NULL).putInt(NULL);
      return;
    }
    put(out, explained.contributions());
    out.putInt(8).putDouble(explained.baseline());
    out.putInt(8).putDouble(explained.standardError());
    out.putInt(4).putInt(explained.rowsScored());
  }

  private static void put(ByteBuffer out, boolean flag) {
    out.putInt(1).put((byte) (flag ? 1 : 0));
  }

  private static int length(float[] values) {
    return values.length == 0 ? EMPTY_BYTES : ARRAY_BYTES + values.length * FLOAT_BYTES;
  }

  /** As PostgreSQL itself writes it: an empty array has no dimension. */
  private static void put(ByteBuffer out, float[] values) {
    out.putInt(length(values));
    if (values.length == 0) {
      out.putInt(0).putInt(0).putInt(FLOAT4_OID);
      return;
    }
    out.putInt(1).putInt(0).putInt(FLOAT4_OID).putInt(values.length).putInt(1);
    for (float value : values) {
      out.putInt(4).putFloat(value);
    }
  }

  private static void expect(int is, int expected) {
    if (is != expected) {
      throw new IllegalArgumentException("tuple holds " + is + ", expected " + expected);
    }
  }

  private static @Nullable String textOrNull(ByteBuffer in) {
    int length = in.getInt();
    if (length == NULL) {
      return null;
    }
    if (length < 0 || length > in.remaining()) {
      throw new IllegalArgumentException("text of " + length + " bytes, expected fewer");
    }
    byte[] utf8 = new byte[length];
    in.get(utf8);
    return new String(utf8, StandardCharsets.UTF_8);
  }

  private static String text(ByteBuffer in) {
    String text = textOrNull(in);
    if (text == null) {
      throw new IllegalArgumentException("text is null, expected one");
    }
    return text;
  }

  private static float[] floats(ByteBuffer in, int bytes) {
    int dimensions = in.getInt();
    expect(in.getInt(), 0);
    expect(in.getInt(), FLOAT4_OID);
    if (dimensions == 0) {
      expect(bytes, EMPTY_BYTES);
      return new float[0];
    }
    expect(dimensions, 1);
    int n = in.getInt();
    expect(in.getInt(), 1);
    if (n < 1 || n > in.remaining() / FLOAT_BYTES) {
      throw new IllegalArgumentException("array of " + n + " values, expected fewer");
    }
    expect(bytes, ARRAY_BYTES + n * FLOAT_BYTES);
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      expect(in.getInt(), 4);
      values[i] = in.getFloat();
    }
    return values;
  }

  private static Decision.@Nullable Explained explained(ByteBuffer in) {
    int bytes = in.getInt();
    if (bytes == NULL) {
      for (int field = 1; field < 4; field++) {
        expect(in.getInt(), NULL);
      }
      return null;
    }
    float[] contributions = floats(in, bytes);
    double baseline = number(in);
    double standardError = number(in);
    expect(in.getInt(), 4);
    return new Decision.Explained(contributions, baseline, standardError, in.getInt());
  }

  private static double number(ByteBuffer in) {
    expect(in.getInt(), 8);
    return in.getDouble();
  }

  private static long whole(ByteBuffer in) {
    expect(in.getInt(), 8);
    return in.getLong();
  }

  private static boolean flag(ByteBuffer in) {
    expect(in.getInt(), 1);
    return in.get() == 1;
  }
}
