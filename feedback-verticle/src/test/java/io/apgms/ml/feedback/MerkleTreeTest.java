package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class MerkleTreeTest {
  private static final int SIZES = 130;

  /** The recursive definition of RFC 9162, word for word; without the prefixes, a broken one. */
  private record Definition(boolean prefixed) {
    byte[] leaf(byte[] data) throws Exception {
      return sha(prefixed ? new byte[] {0} : new byte[0], data);
    }

    byte[] node(byte[] left, byte[] right) throws Exception {
      return sha(prefixed ? new byte[] {1} : new byte[0], left, right);
    }

    byte[] root(List<byte[]> data) throws Exception {
      if (data.size() == 1) {
        return leaf(data.get(0));
      }
      int k = split(data.size());
      return node(root(data.subList(0, k)), root(data.subList(k, data.size())));
    }

    List<byte[]> path(int m, List<byte[]> data) throws Exception {
      if (data.size() == 1) {
        return new ArrayList<>();
      }
      int k = split(data.size());
      List<byte[]> low = data.subList(0, k);
      List<byte[]> high = data.subList(k, data.size());
      List<byte[]> path = m < k ? path(m, low) : path(m - k, high);
      path.add(root(m < k ? high : low));
      return path;
    }

    private static int split(int n) {
      return Integer.highestOneBit(n - 1);
    }

    private static byte[] sha(byte[]... parts) throws Exception {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      for (byte[] part : parts) {
        sha.update(part);
      }
      return sha.digest();
    }
  }

  private static List<byte[]> data(int n, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<byte[]> data = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      byte[] one = new byte[random.nextInt(100)];
      random.nextBytes(one);
      data.add(one);
    }
    return data;
  }

  private static byte[] leaves(List<byte[]> data) {
    ByteBuffer leaves = ByteBuffer.allocate(data.size() * 32);
    data.forEach(d -> leaves.put(MerkleTree.leafHash(d)));
    return leaves.array();
  }

  @Test
  void root_andPath_areTheDefinitionForEverySize() throws Exception {
    Definition definition = new Definition(true);
    for (int n = 1; n <= SIZES; n++) {
      List<byte[]> data = data(n, n);
      byte[] leaves = leaves(data);
      byte[] root = MerkleTree.root(leaves);
      assertThat(root).as("size %d", n).isEqualTo(definition.root(data));
      for (int i = 0; i < n; i++) {
        List<byte[]> path = MerkleTree.path(leaves, i);
        assertThat(path.toArray(byte[][]::new))
            .as("leaf %d of %d", i, n)
            .isDeepEqualTo(definition.path(i, data).toArray(byte[][]::new));
        assertThat(MerkleTree.rootFrom(MerkleTree.leafHash(data.get(i)), i, n, path))
            .isEqualTo(root);
      }
    }
  }

  /** Roots of the test vectors that implementations of Certificate Transparency share. */
  @Test
  void root_ofTheSharedVectors_isTheirs() {
    List<byte[]> data = new ArrayList<>();
    for (String hex :
        List.of(
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f")) {
      data.add(HexFormat.of().parseHex(hex));
    }
    assertThat(HexFormat.of().formatHex(MerkleTree.root(leaves(data.subList(0, 1)))))
        .isEqualTo("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    assertThat(HexFormat.of().formatHex(MerkleTree.root(leaves(data))))
        .isEqualTo("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
  }

  @Test
  void rootFrom_anythingChanged_isAnotherRootOrRefused() {
    SplittableRandom random = new SplittableRandom(20261124);
    for (int round = 0; round < 5_000; round++) {
      int n = 2 + random.nextInt(SIZES);
      List<byte[]> data = data(n, round);
      byte[] leaves = leaves(data);
      int i = random.nextInt(n);
      byte[] leaf = MerkleTree.leafHash(data.get(i));
      List<byte[]> path = new ArrayList<>(MerkleTree.path(leaves, i));
      int index = i;
      switch (random.nextInt(6)) {
        case 0 -> leaf[random.nextInt(32)] ^= (byte) (1 << random.nextInt(8));
        case 1 -> {
          int at = random.nextInt(path.size());
          path.set(at, path.get(at).clone());
          path.get(at)[random.nextInt(32)] ^= (byte) (1 << random.nextInt(8));
        }
        case 2 -> path.remove(random.nextInt(path.size()));
        case 3 -> path.add(random.nextInt(path.size() + 1), leaf.clone());
        case 4 -> index = (i + 1 + random.nextInt(n - 1)) % n;
        default -> index = random.nextBoolean() ? -1 : n;
      }
      boolean passes;
      try {
        byte[] root = MerkleTree.rootFrom(leaf, index, n, path);
        passes = Arrays.equals(root, MerkleTree.root(leaves));
      } catch (IllegalArgumentException refused) {
        passes = false;
      }
      assertThat(passes).as("round %d", round).isFalse();
    }
  }

  /**
   * Two leaves' hashes are offered as one leaf's data: without the prefixes that passes for a tree
   * of half the size.
   */
  @Test
  void rootFrom_nodeOfferedAsALeaf_passesOnlyWithoutThePrefixes() throws Exception {
    for (boolean prefixed : new boolean[] {true, false}) {
      Definition definition = new Definition(prefixed);
      List<byte[]> data = data(4, 7);
      byte[] forged =
          ByteBuffer.allocate(64)
              .put(definition.leaf(data.get(0)))
              .put(definition.leaf(data.get(1)))
              .array();
      byte[] sibling = definition.root(data.subList(2, 4));
      byte[] reached = definition.node(definition.leaf(forged), sibling);
      assertThat(Arrays.equals(reached, definition.root(data)))
          .as("prefixed %s", prefixed)
          .isEqualTo(!prefixed);
      if (prefixed) {
        assertThat(MerkleTree.rootFrom(MerkleTree.leafHash(forged), 0, 2, List.of(sibling)))
            .isEqualTo(reached)
            .isNotEqualTo(MerkleTree.root(leaves(data)));
      }
    }
  }

  @Test
  void root_ofNoLeafOrHalfAHash_isRefused() {
    for (byte[] hashes : new byte[][] {{}, new byte[33]}) {
      assertThatThrownBy(() -> MerkleTree.root(hashes))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("multiple of 32");
    }
    assertThatThrownBy(
            () -> MerkleTree.path(leaves(List.of("a".getBytes(StandardCharsets.UTF_8))), 1))
        .hasMessageContaining("expected 0 to 0");
  }
}
