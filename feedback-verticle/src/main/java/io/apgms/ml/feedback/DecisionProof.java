package io.apgms.ml.feedback;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.UUID;

/**
 * That a decision is, as it stands in the table, what was stored: from its bytes by two paths to a
 * root in the audit chain.
 *
 * @param leaf the decision's first twenty columns as PostgreSQL's binary COPY gives them
 * @param inBatch where it is in the tree of its batch
 * @param inSeal where that batch is in the tree of its seal, as {@link #batchLeaf}
 * @param seal seq of the audit entry that holds the root of that tree
 */
@SuppressWarnings("ArrayRecordComponent") // handed over once; never compared
public record DecisionProof(UUID id, byte[] leaf, Place inBatch, Place inSeal, long seal) {

  /**
   * A place in a tree.
   *
   * @param path hashes from there to the root, the lowest first
   */
  public record Place(int index, int size, List<byte[]> path) {
    public Place {
      path = List.copyOf(path);
    }

    byte[] rootFrom(byte[] hash) {
      return MerkleTree.rootFrom(hash, index, size, path);
    }
  }

  /**
   * The root that the bytes and both paths lead to: it must be the one in the audit chain.
   *
   * @throws IllegalArgumentException for a path that cannot be one
   */
  public byte[] root() {
    byte[] batchRoot = inBatch.rootFrom(MerkleTree.leafHash(leaf));
    return inSeal.rootFrom(batchLeaf(inBatch.size(), batchRoot));
  }

  /**
   * The hash of a batch as a leaf of its seal: its data is the number of leaves (4 bytes, big
   * endian) and the root. A root alone would leave open how many leaves are under it.
   */
  static byte[] batchLeaf(int size, byte[] root) {
    return MerkleTree.leafHash(ByteBuffer.allocate(4 + root.length).putInt(size).put(root).array());
  }

  /**
   * What the bytes say.
   *
   * @throws IllegalArgumentException for bytes that are no decision
   */
  public Decision decision() {
    return CopyTuple.decode(leaf);
  }
}
