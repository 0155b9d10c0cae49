package io.apgms.ml.registry.signature;

import io.apgms.ml.registry.RegistryException;
import java.util.Collection;
import java.util.SortedMap;

/**
 * Signatures over a model's folder as the OpenSSF model-signing tool makes and takes them: Sigstore
 * bundle v0.3 (public key hint, no log), DSSE v1, in-toto Statement v1, predicate model signing
 * v1.0, one SHA-256 a file. What the format allows beyond that (other hashes, shards, links,
 * ignored paths, certificates, several signatures) is refused.
 */
public final class ModelSignature {
  /** Name of the file that holds a signature, in the folder that it signs. */
  public static final String FILE = Bundle.NAME;

  /** Largest signature file that is read, in bytes. */
  public static final int MAX_BYTES = Bundle.MAX_BYTES;

  private ModelSignature() {}

  /**
   * What a key vouches for.
   *
   * @param signer the key that verified
   * @param digests lower-case hex SHA-256 of each signed file, by name
   */
  public record Signed(VerifyingKey signer, SortedMap<String, String> digests) {}

  /**
   * Signs files by their digests.
   *
   * @param folder name of their folder
   * @param digests lower-case hex SHA-256 by file name
   * @param keys public keys, one of which belongs to the private one
   * @return the bytes of {@code model.sig}
   * @throws RegistryException.Invalid when none of the keys does
   */
  public static byte[] sign(
      String folder,
      SortedMap<String, String> digests,
      SigningKey with,
      Collection<VerifyingKey> keys) {
    byte[] payload = new Statement(folder, digests).toJson();
    byte[] toBeSigned = Bundle.toBeSigned(payload);
    byte[] signature = with.sign(toBeSigned);
    for (VerifyingKey key : keys) {
      if (key.verifies(toBeSigned, signature)) {
        return new Bundle(key.hint(), payload, signature).toJson();
      }
    }
    throw new RegistryException.Invalid(
        "the private key belongs to none of "
            + keys.stream().map(VerifyingKey::id).toList()
            + ", expected one whose public half is pinned");
  }

  /**
   * Reads a signature and verifies it.
   *
   * @param modelSig the bytes of {@code model.sig}
   * @param keys the keys that may have signed
   * @throws RegistryException.Corrupt naming what is wrong with it
   */
  public static Signed verify(byte[] modelSig, Collection<VerifyingKey> keys) {
    Bundle bundle = Bundle.parse(modelSig);
    for (VerifyingKey key : keys) {
      if (key.hint().equals(bundle.hint())) {
        if (!key.verifies(Bundle.toBeSigned(bundle.payload()), bundle.signature())) {
          throw new RegistryException.Corrupt(
              "model.sig is not a signature by the key it names, " + key.id());
        }
        return new Signed(key, Statement.parse(bundle.payload()).digests());
      }
    }
    throw new RegistryException.Corrupt(
        "model.sig names the key with PEM hash "
            + bundle.hint()
            + ", expected one of "
            + keys.stream().map(VerifyingKey::id).toList());
  }
}
