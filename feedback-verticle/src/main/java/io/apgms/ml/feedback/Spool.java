package io.apgms.ml.feedback;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.rocksdb.CompactRangeOptions;
import org.rocksdb.CompactRangeOptions.BottommostLevelCompaction;
import org.rocksdb.CompressionType;
import org.rocksdb.FlushOptions;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.Options;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Slice;
import org.rocksdb.Status;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * Decisions on local disk that are not in the database yet, by id, and so nearly by time.
 *
 * <p>A write reaches the page cache before {@link #append} returns: it survives a killed process,
 * not lost power. Appending and finding are for any thread; one thread reads and removes.
 */
final class Spool implements AutoCloseable {
  private static final long MEMTABLE_BYTES = 8L << 20;

  /** Seconds of a slow disk at full load: a write that would have to wait is refused instead. */
  private static final int MEMTABLES = 8;

  /** Never: files come in order of their keys, so many of them cost a read no more than few. */
  private static final int FILES_THAT_SLOW_WRITES = 100_000;

  private static final long MAX_LOG_BYTES = 1L << 20;
  private static final long LOGS_KEPT = 2;
  private static final int KEY_BYTES = 16;

  /**
   * Kept free on the spool's disk: what is shipped can be removed only by writing, and what is in
   * memory, all memtables of it, goes into new files before a log is let go.
   */
  private static final long RESERVE_BYTES = 2 * MEMTABLES * MEMTABLE_BYTES;

  private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  static {
    RocksDB.loadLibrary();
  }

  private final Options options;
  private final WriteOptions writes;
  final RocksDB db; // its work in the background is held up by a test
  private final long maxBytes;
  private final LongSupplier usable;
  private final AtomicLong bytes = new AtomicLong();
  private final AtomicLong lookNanos = new AtomicLong(System.nanoTime() - LOOK_NANOS);
  private volatile long usableBytes = Long.MAX_VALUE;
  private boolean closed;

  /** A row as it waits: its id and the tuple to ship. */
  @SuppressWarnings("ArrayRecordComponent") // read once; never compared
  record Row(UUID id, byte[] tuple) {
    long bytes() {
      return KEY_BYTES + (long) tuple.length;
    }
  }

  private Spool(
      Options options, WriteOptions writes, RocksDB db, long maxBytes, LongSupplier usable) {
    this.options = options;
    this.writes = writes;
    this.db = db;
    this.maxBytes = maxBytes;
    this.usable = usable;
  }

  /**
   * Opens the folder's spool, made if it is not there; what it holds is counted, so this takes a
   * while for gigabytes.
   *
   * @throws FeedbackException.Unavailable where it cannot be opened, as when another process has it
   */
  static Spool open(Path dir, long maxBytes) {
    return open(dir, maxBytes, new WriteOptions().setSync(false).setNoSlowdown(true));
  }

  /** With other ways to append; closes them. */
  static Spool open(Path dir, long maxBytes, WriteOptions writes) {
    return open(dir, maxBytes, writes, dir.toFile()::getUsableSpace); // one call of statvfs
  }

  /**
   * With another disk.
   *
   * @param usable bytes that are free on it
   */
  static Spool open(Path dir, long maxBytes, WriteOptions writes, LongSupplier usable) {
    Options options =
        new Options()
            .setCreateIfMissing(true)
            .setWriteBufferSize(MEMTABLE_BYTES)
            .setMaxWriteBufferNumber(MEMTABLES)
            .setLevel0SlowdownWritesTrigger(FILES_THAT_SLOW_WRITES)
            .setLevel0StopWritesTrigger(FILES_THAT_SLOW_WRITES)
            .setSoftPendingCompactionBytesLimit(0)
            .setHardPendingCompactionBytesLimit(0)
            .setCompressionType(CompressionType.NO_COMPRESSION)
            .setInfoLogLevel(InfoLogLevel.WARN_LEVEL)
            .setMaxLogFileSize(MAX_LOG_BYTES)
            .setKeepLogFileNum(LOGS_KEPT);
    try {
      Files.createDirectories(dir);
      Spool spool =
          new Spool(options, writes, RocksDB.open(options, dir.toString()), maxBytes, usable);
      spool.count();
      return spool;
    } catch (IOException | RocksDBException e) {
      options.close();
      writes.close();
      throw new FeedbackException.Unavailable("the spool cannot be opened", e);
    }
  }

  private void count() {
    try (RocksIterator rows = db.newIterator()) {
      for (rows.seekToFirst(); rows.isValid(); rows.next()) {
        bytes.addAndGet(KEY_BYTES + (long) rows.value().length);
      }
    }
  }

  /**
   * Keeps all of them or none.
   *
   * @throws FeedbackException.SpoolFull when it is at its bound, or the disk is nearly full or
   *     refuses
   */
  void append(List<Decision> decisions) {
    requireDisk();
    long added = 0;
    try (WriteBatch batch = new WriteBatch()) {
      for (Decision decision : decisions) {
        byte[] tuple = CopyTuple.encode(decision);
        batch.put(key(decision.id()), tuple);
        added += KEY_BYTES + tuple.length;
      }
      if (bytes.get() + added > maxBytes) {
        throw new FeedbackException.SpoolFull(
            "the spool holds " + bytes.get() + " bytes, expected fewer than " + maxBytes);
      }
      db.write(writes, batch);
      bytes.addAndGet(added);
    } catch (RocksDBException e) {
      throw new FeedbackException.SpoolFull("the spool refused a write: " + reason(e));
    }
  }

  /** Whether appends are refused because the disk is nearly full. */
  boolean lacksDisk() {
    long now = System.nanoTime();
    long looked = lookNanos.get();
    if (now - looked >= LOOK_NANOS && lookNanos.compareAndSet(looked, now)) {
      usableBytes = usable.getAsLong();
    }
    return usableBytes < RESERVE_BYTES;
  }

  private void requireDisk() {
    if (lacksDisk()) {
      throw new FeedbackException.SpoolFull(
          "the spool's disk has "
              + usableBytes
              + " bytes left, expected at least "
              + RESERVE_BYTES);
    }
  }

  private static String reason(RocksDBException e) {
    Status status = e.getStatus();
    return status == null ? "no status" : status.getCode() + " " + status.getSubCode();
  }

  /** A decision that waits here. */
  @Nullable Decision find(UUID id) {
    Row row = row(id);
    return row == null ? null : CopyTuple.decode(row.tuple());
  }

  /** The row of a decision that waits here. */
  @Nullable Row row(UUID id) {
    try {
      byte @Nullable [] tuple = db.get(key(id));
      return tuple == null ? null : new Row(id, tuple);
    } catch (RocksDBException e) {
      throw new FeedbackException.Unavailable("the spool cannot be read: " + reason(e), null);
    }
  }

  /** At most so many rows from that id on, the oldest first. */
  List<Row> read(UUID from, int max) {
    List<Row> rows = new ArrayList<>();
    try (Slice start = new Slice(key(from));
        ReadOptions bounds = new ReadOptions().setIterateLowerBound(start);
        RocksIterator found = db.newIterator(bounds)) {
      for (found.seekToFirst(); found.isValid() && rows.size() < max; found.next()) {
        ByteBuffer key = ByteBuffer.wrap(found.key());
        rows.add(new Row(new UUID(key.getLong(), key.getLong()), found.value()));
      }
      found.status();
      return rows;
    } catch (RocksDBException e) {
      throw new FeedbackException.Unavailable("the spool cannot be read: " + reason(e), null);
    }
  }

  /** The first id at or above that one that waits; null where none does. */
  @Nullable UUID oldest(UUID from) {
    List<Row> first = read(from, 1);
    return first.isEmpty() ? null : first.get(0).id();
  }

  /** Writes what waits into new files: no file holds a removed row any more. Takes a while. */
  synchronized void rewrite() {
    if (closed) {
      return; // at the end of the process: the next start opens it anew
    }
    try (FlushOptions flush = new FlushOptions().setWaitForFlush(true);
        CompactRangeOptions all =
            new CompactRangeOptions()
                .setBottommostLevelCompaction(BottommostLevelCompaction.kForce)) {
      db.flush(flush); // and with it a new write-ahead log
      db.compactRange(db.getDefaultColumnFamily(), null, null, all);
    } catch (RocksDBException e) {
      throw new FeedbackException.Unavailable("the spool cannot be rewritten: " + reason(e), null);
    }
  }

  /** Forgets rows that the database has committed. */
  void remove(List<Row> rows) {
    long removed = 0;
    try (WriteBatch batch = new WriteBatch();
        WriteOptions patient = new WriteOptions().setSync(false)) {
      for (Row row : rows) {
        batch.delete(key(row.id()));
        removed += row.bytes();
      }
      db.write(patient, batch);
      bytes.addAndGet(-removed);
    } catch (RocksDBException e) {
      throw new FeedbackException.Unavailable("the spool cannot be written: " + reason(e), null);
    }
  }

  private static byte[] key(UUID id) {
    return ByteBuffer.allocate(KEY_BYTES)
        .putLong(id.getMostSignificantBits())
        .putLong(id.getLeastSignificantBits())
        .array();
  }

  /** Of the rows that wait. */
  long bytes() {
    return bytes.get();
  }

  @Override
  public synchronized void close() {
    closed = true;
    db.close();
    writes.close();
    options.close();
  }
}
