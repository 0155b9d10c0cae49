package io.apgms.ml.feedback;

import java.util.List;
import java.util.UUID;

/**
 * That a decision is, as it stands in the table, what was stored: from its bytes by two paths to a
 * root in the audit chain.
 *
 * @param leaf the decision's first twenty columns as PostgreSQL's binary COPY gives them
 * @param inBatch where it is in the tree of its batch
 * @param inSeal where that tree's root is in the tree of its seal
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
    return inSeal.rootFrom(inBatch.rootFrom(MerkleTree.leafHash(leaf)));
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
