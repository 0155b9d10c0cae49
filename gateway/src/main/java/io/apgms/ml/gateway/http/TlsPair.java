package io.apgms.ml.gateway.http;

import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.PemKeyCertOptions;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Arrays;
import javax.net.ssl.KeyManager;
import javax.net.ssl.X509KeyManager;

/**
 * A certificate chain and the private key that belongs to its first certificate.
 *
 * @param hash SHA-256 over both files
 * @param expires the first end of validity in the chain
 */
@SuppressWarnings("ArrayRecordComponent") // compared by Arrays.equals
record TlsPair(PemKeyCertOptions options, byte[] hash, Instant expires) {
  private static final int MAX_FILE = 1 << 20;

  /** The two files' bytes, read once. */
  @SuppressWarnings("ArrayRecordComponent") // handed over, never compared
  record Files(byte[] cert, byte[] key) {
    static Files read(Path cert, Path key) throws IOException {
      return new Files(bytes("tls.cert", cert), bytes("tls.key", key));
    }

    private static byte[] bytes(String what, Path path) throws IOException {
      byte[] bytes;
      try (InputStream in = java.nio.file.Files.newInputStream(path)) {
        bytes = in.readNBytes(MAX_FILE + 1);
      } catch (IOException e) {
        throw new IOException(what + " cannot be read, expected a readable PEM file", e);
      }
      if (bytes.length > MAX_FILE) {
        throw new IOException(what + " is larger than 1 MiB, expected a PEM file");
      }
      return bytes;
    }

    byte[] hash() {
      try {
        MessageDigest sha = MessageDigest.getInstance("SHA-256");
        sha.update(sha.digest(cert));
        return sha.digest(key);
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("every JDK has SHA-256", e);
      }
    }

    /** The key's bytes are no text for a log. */
    @Override
    public String toString() {
      return "Files[]";
    }
  }

  static TlsPair read(Vertx vertx, Path cert, Path key) throws IOException {
    return of(vertx, Files.read(cert, key));
  }

  /**
   * Parses both and proves that they belong together by a signature.
   *
   * @throws IOException naming the setting, never the contents
   */
  static TlsPair of(Vertx vertx, Files files) throws IOException {
    PemKeyCertOptions options =
        new PemKeyCertOptions()
            .addCertValue(Buffer.buffer(files.cert()))
            .addKeyValue(Buffer.buffer(files.key()));
    X509Certificate[] chain;
    PrivateKey key;
    try {
      X509KeyManager manager = manager(options.getKeyManagerFactory(vertx).getKeyManagers());
      String alias = alias(manager);
      chain = manager.getCertificateChain(alias);
      key = manager.getPrivateKey(alias);
    } catch (Exception e) {
      // without the cause: a parser's message may quote what it could not read
      throw new IOException("tls.cert and tls.key cannot be parsed, expected PEM");
    }
    if (!belongs(key, chain[0].getPublicKey())) {
      throw new IOException("tls.key is not the key of tls.cert, expected a pair");
    }
    Instant expires =
        Arrays.stream(chain)
            .map(c -> c.getNotAfter().toInstant())
            .min(Instant::compareTo)
            .orElseThrow();
    if (expires.isBefore(Instant.now())) {
      throw new IOException("tls.cert expired at " + expires + ", expected one that is valid");
    }
    return new TlsPair(options, files.hash(), expires);
  }

  private static X509KeyManager manager(KeyManager[] managers) {
    for (KeyManager manager : managers) {
      if (manager instanceof X509KeyManager x509) {
        return x509;
      }
    }
    throw new IllegalStateException("no X.509 key manager");
  }

  private static String alias(X509KeyManager manager) {
    for (String type : new String[] {"RSA", "EC", "EdDSA", "Ed25519"}) {
      String[] aliases = manager.getServerAliases(type, null);
      if (aliases != null && aliases.length > 0) {
        return aliases[0];
      }
    }
    throw new IllegalStateException("no RSA, EC or Ed25519 key");
  }

  private static boolean belongs(PrivateKey key, PublicKey certified) {
    String algorithm =
        switch (certified.getAlgorithm()) {
          case "RSA" -> "SHA256withRSA";
          case "EC" -> "SHA256withECDSA";
          default -> "Ed25519";
        };
    byte[] probe = {1, 2, 3};
    try {
      Signature signer = Signature.getInstance(algorithm);
      signer.initSign(key);
      signer.update(probe);
      Signature verifier = Signature.getInstance(algorithm);
      verifier.initVerify(certified);
      verifier.update(probe);
      return verifier.verify(signer.sign());
    } catch (GeneralSecurityException e) {
      return false; // a key of another kind
    }
  }

  @Override
  public String toString() {
    return "TlsPair[expires=" + expires + "]";
  }
}
