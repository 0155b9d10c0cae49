package io.apgms.ml.registry.signature;

import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.RegistryException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.Signature;
import java.security.SignatureException;
import java.security.interfaces.ECPublicKey;
import java.security.spec.X509EncodedKeySpec;

/** A public key that may have signed: ECDSA over P-256 or P-384, nothing else. */
public final class VerifyingKey {
  private static final String TYPE = "PUBLIC KEY";

  private final ECPublicKey key;
  private final Curve curve;

  private VerifyingKey(ECPublicKey key, Curve curve) {
    this.key = key;
    this.curve = curve;
  }

  /**
   * Reads a PEM {@code PUBLIC KEY} (SubjectPublicKeyInfo).
   *
   * @throws RegistryException.Invalid for any other PEM, algorithm or curve
   */
  public static VerifyingKey parse(String pem) {
    byte[] der = Pem.decode(TYPE, pem);
    try {
      return of(
          (ECPublicKey) KeyFactory.getInstance("EC").generatePublic(new X509EncodedKeySpec(der)));
    } catch (GeneralSecurityException e) {
      throw new RegistryException.Invalid(
          "the public key is none of ECDSA, expected one over P-256 or P-384");
    }
  }

  static VerifyingKey of(ECPublicKey key) {
    Curve curve = Curve.of(key);
    if (curve == null) {
      throw new RegistryException.Invalid(
          "the public key has "
              + key.getParams().getCurve().getField().getFieldSize()
              + " bits of an unknown curve, expected P-256 or P-384");
    }
    return new VerifyingKey(key, curve);
  }

  /** {@code sha256:…} of the key's DER. */
  public String id() {
    return "sha256:" + ArtifactStore.sha256(key.getEncoded());
  }

  /** The key as PEM, always spelt alike. */
  public String pem() {
    return Pem.encode(TYPE, key.getEncoded());
  }

  /** What a bundle names the key by: lower-case hex SHA-256 of its PEM. */
  String hint() {
    return ArtifactStore.sha256(pem().getBytes(StandardCharsets.US_ASCII));
  }

  boolean verifies(byte[] message, byte[] signature) {
    if (!curve.isSignature(signature)) {
      return false;
    }
    try {
      Signature ecdsa = Signature.getInstance(curve.algorithm);
      ecdsa.initVerify(key);
      ecdsa.update(message);
      return ecdsa.verify(signature);
    } catch (SignatureException e) {
      return false;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has " + curve.algorithm, e);
    }
  }
}
