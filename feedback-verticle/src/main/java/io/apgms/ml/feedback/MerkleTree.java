package io.apgms.ml.feedback;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Merkle trees over SHA-256, of any number of leaves. Lists of hashes are their bytes one after
 * another, 32 each.
 *
 * <p>The first byte of what is hashed tells a leaf (0) from a node (1): else a node's two hashes
 * could be passed off as a leaf's data.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc9162#section-2.1">RFC 9162, section 2.1</a>
 */
public final class MerkleTree {
  /** Bytes of one hash. */
  public static final int HASH_BYTES = 32;

  private static final byte LEAF = 0;
  private static final byte NODE = 1;

  private MerkleTree() {}

  /** The hash of a leaf. */
  public static byte[] leafHash(byte[] data) {
    MessageDigest sha = sha256();
    sha.update(LEAF);
    return sha.digest(data);
  }

  /**
   * The root over leaves.
   *
   * @param leaves at least one hash
   */
  public static byte[] root(byte[] leaves) {
    byte[] level = leaves.clone();
    MessageDigest sha = sha256();
    for (int n = count(leaves); n > 1; n = up(sha, level, n)) {
      // one level a turn
    }
    return Arrays.copyOf(level, HASH_BYTES);
  }

  /**
   * The hashes that lead from one leaf to the root, the lowest first.
   *
   * @param leaves at least one hash
   * @param index of the leaf, from 0
   */
  public static List<byte[]> path(byte[] leaves, int index) {
    int n = count(leaves);
    if (index < 0 || index >= n) {
      throw new IllegalArgumentException("leaf " + index + ", expected 0 to " + (n - 1));
    }
    byte[] level = leaves.clone();
    MessageDigest sha = sha256();
    List<byte[]> path = new ArrayList<>();
    for (int i = index; n > 1; i /= 2) {
      int sibling = i ^ 1;
      if (sibling < n) {
        path.add(hash(level, sibling));
      }
      n = up(sha, level, n);
    }
    return path;
  }

  /**
   * The root that a leaf and its path lead to (section 2.1.3.2): the leaf is under a root when this
   * is that root.
   *
   * @param index of the leaf, from 0
   * @param size leaves of the whole tree
   * @throws IllegalArgumentException for a path that no leaf there has
   */
  public static byte[] rootFrom(byte[] leafHash, int index, int size, List<byte[]> path) {
    if (index < 0 || index >= size) {
      throw new IllegalArgumentException(
          "leaf " + index + " of " + size + ", expected one of them");
    }
    MessageDigest sha = sha256();
    byte[] hash = leafHash;
    int used = 0;
    for (int i = index, last = size - 1; last > 0; i /= 2, last /= 2) {
      if ((i ^ 1) > last) {
        continue; // alone on its level: it goes up as it is
      }
      if (used == path.size()) {
        throw new IllegalArgumentException("path of " + used + " hashes, expected more");
      }
      byte[] sibling = path.get(used++);
      hash = i % 2 == 0 ? node(sha, hash, sibling) : node(sha, sibling, hash);
    }
    if (used != path.size()) {
      throw new IllegalArgumentException("path of " + path.size() + " hashes, expected " + used);
    }
    return hash;
  }

  /** Replaces a level's n hashes by those of the level above; gives their number. */
  private static int up(MessageDigest sha, byte[] level, int n) {
    for (int i = 0; i + 1 < n; i += 2) {
      sha.update(NODE);
      sha.update(level, i * HASH_BYTES, 2 * HASH_BYTES);
      System.arraycopy(sha.digest(), 0, level, i / 2 * HASH_BYTES, HASH_BYTES);
    }
    if (n % 2 == 1) {
      System.arraycopy(level, (n - 1) * HASH_BYTES, level, n / 2 * HASH_BYTES, HASH_BYTES);
    }
    return (n + 1) / 2;
  }

  private static byte[] node(MessageDigest sha, byte[] left, byte[] right) {
    sha.update(NODE);
    sha.update(left);
    return sha.digest(right);
  }

  /** One of a list of hashes. */
  static byte[] hash(byte[] hashes, int index) {
    return Arrays.copyOfRange(hashes, index * HASH_BYTES, (index + 1) * HASH_BYTES);
  }

  private static int count(byte[] hashes) {
    if (hashes.length == 0 || hashes.length % HASH_BYTES != 0) {
      throw new IllegalArgumentException(
          hashes.length + " bytes of hashes, expected a multiple of " + HASH_BYTES);
    }
    return hashes.length / HASH_BYTES;
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
