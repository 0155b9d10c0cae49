package io.apgms.ml.feedback;

import java.util.HexFormat;
import java.util.UUID;

/** Proofs of decisions without a database. */
public final class Proofs {
  private Proofs() {}

  /** Of the leaf before the last of a batch of that size, itself the second of three batches. */
  public static DecisionProof of(UUID id, int size, long seal) {
    byte[] leaves = new byte[size * MerkleTree.HASH_BYTES];
    float[] features = {1, Float.NaN};
    Decision decision =
        new Decision(
            id,
            "m",
            "20261123",
            "d",
            features,
            null,
            0.7,
            0.5,
            true,
            false,
            false,
            "file",
            1,
            null,
            null,
            "e1");
    byte[] data = CopyTuple.encode(decision);
    for (int i = 0; i < size; i++) {
      byte[] leaf = i == size - 2 ? data : new byte[] {(byte) i};
      System.arraycopy(MerkleTree.leafHash(leaf), 0, leaves, i * MerkleTree.HASH_BYTES, 32);
    }
    byte[] roots = new byte[3 * MerkleTree.HASH_BYTES];
    byte[] batch = DecisionProof.batchLeaf(size, MerkleTree.root(leaves));
    System.arraycopy(batch, 0, roots, MerkleTree.HASH_BYTES, 32);
    return new DecisionProof(
        id,
        data,
        new DecisionProof.Place(size - 2, size, MerkleTree.path(leaves, size - 2)),
        new DecisionProof.Place(1, 3, MerkleTree.path(roots, 1)),
        seal);
  }

  public static String rootOf(DecisionProof proof) {
    return HexFormat.of().formatHex(proof.root());
  }
}
