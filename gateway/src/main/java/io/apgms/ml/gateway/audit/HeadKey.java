package io.apgms.ml.gateway.audit;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;

/** The key that exported heads are signed with: Ed25519, of this data folder alone. */
public final class HeadKey {
  private static final String ALGORITHM = "Ed25519";

  private final PrivateKey secret;
  private final String publicPem;

  private HeadKey(PrivateKey secret, String publicPem) {
    this.secret = secret;
    this.publicPem = publicPem;
  }

  /** Opens the key of the data folder, making it on first use. Blocking. */
  public static HeadKey open(Path dataDir) throws IOException {
    Path keys = Files.createDirectories(dataDir.resolve("keys"));
    Path file = keys.resolve("audit-head.key");
    try {
      if (!Files.exists(file)) {
        make(keys, file);
      }
      String both = Files.readString(file);
      return new HeadKey(
          KeyFactory.getInstance(ALGORITHM)
              .generatePrivate(new PKCS8EncodedKeySpec(der(both, "PRIVATE KEY"))),
          pem("PUBLIC KEY", der(both, "PUBLIC KEY")));
    } catch (GeneralSecurityException | IllegalArgumentException e) {
      throw new IOException("keys/audit-head.key is no key, expected PEM as it was made", e);
    }
  }

  private static void make(Path keys, Path file) throws IOException, GeneralSecurityException {
    KeyPair pair = KeyPairGenerator.getInstance(ALGORITHM).generateKeyPair();
    Path part =
        Files.createTempFile(
            keys,
            "audit-head",
            ".part",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      Files.writeString(
          part,
          pem("PRIVATE KEY", pair.getPrivate().getEncoded())
              + pem("PUBLIC KEY", pair.getPublic().getEncoded()));
      Files.createLink(file, part); // the first one wins, whole
    } catch (FileAlreadyExistsException e) {
      // made before
    } finally {
      Files.delete(part);
    }
  }

  /** What verifies the signatures, as PEM. */
  String publicPem() {
    return publicPem;
  }

  String sign(byte[] bytes) {
    try {
      Signature signature = Signature.getInstance(ALGORITHM);
      signature.initSign(secret);
      signature.update(bytes);
      return Base64.getEncoder().encodeToString(signature.sign());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java platform from 15 on has Ed25519", e);
    }
  }

  /**
   * Whether a head was signed by that key.
   *
   * @throws IllegalArgumentException where the text holds no Ed25519 public key
   */
  public static boolean verifies(String publicPem, SignedHead head) {
    try {
      PublicKey key =
          KeyFactory.getInstance(ALGORITHM)
              .generatePublic(new X509EncodedKeySpec(der(publicPem, "PUBLIC KEY")));
      Signature signature = Signature.getInstance(ALGORITHM);
      signature.initVerify(key);
      signature.update(head.signed());
      return signature.verify(head.signatureBytes());
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException("no Ed25519 key or signature: " + e.getMessage(), e);
    }
  }

  private static String pem(String what, byte[] der) {
    return "-----BEGIN "
        + what
        + "-----\n"
        + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der)
        + "\n-----END "
        + what
        + "-----\n";
  }

  private static byte[] der(String pem, String what) {
    int begin = pem.indexOf("-----BEGIN " + what + "-----");
    int end = pem.indexOf("-----END " + what + "-----");
    if (begin < 0 || end < begin) {
      throw new IllegalArgumentException("no PEM of a " + what);
    }
    return Base64.getMimeDecoder().decode(pem.substring(begin + what.length() + 16, end));
  }
}
