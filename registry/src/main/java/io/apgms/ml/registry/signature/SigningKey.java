package io.apgms.ml.registry.signature;

import io.apgms.ml.registry.RegistryException;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;

/** A private key that signs: ECDSA over P-256 or P-384. */
public final class SigningKey {
  private static final String TYPE = "PRIVATE KEY";

  private final ECPrivateKey key;
  private final Curve curve;

  private SigningKey(ECPrivateKey key, Curve curve) {
    this.key = key;
    this.curve = curve;
  }

  /** A fresh pair over P-256. */
  public record Pair(SigningKey signing, VerifyingKey verifying) {
    public static Pair generate() {
      return generate(Curve.P256.jcaName);
    }

    static Pair generate(String curve) {
      try {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
        generator.initialize(new ECGenParameterSpec(curve));
        KeyPair pair = generator.generateKeyPair();
        return new Pair(
            of((ECPrivateKey) pair.getPrivate()), VerifyingKey.of((ECPublicKey) pair.getPublic()));
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("every JDK has " + curve, e);
      }
    }
  }

  /**
   * Reads an unencrypted PEM {@code PRIVATE KEY} (PKCS #8).
   *
   * @throws RegistryException.Invalid for any other PEM, algorithm or curve
   */
  public static SigningKey parse(String pem) {
    byte[] der = Pem.decode(TYPE, pem);
    try {
      return of(
          (ECPrivateKey)
              KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(der)));
    } catch (GeneralSecurityException e) {
      throw new RegistryException.Invalid(
          "the private key is none of ECDSA, expected one over P-256 or P-384");
    }
  }

  private static SigningKey of(ECPrivateKey key) {
    Curve curve = Curve.of(key);
    if (curve == null) {
      throw new RegistryException.Invalid(
          "the private key has "
              + key.getParams().getOrder().bitLength()
              + " bits of an unknown curve, expected P-256 or P-384");
    }
    return new SigningKey(key, curve);
  }

  /** The key as PEM; whoever has it can sign. */
  public String pem() {
    return Pem.encode(TYPE, key.getEncoded());
  }

  byte[] sign(byte[] message) {
    try {
      Signature ecdsa = Signature.getInstance(curve.algorithm);
      ecdsa.initSign(key);
      ecdsa.update(message);
      return ecdsa.sign();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("an EC key can always sign", e);
    }
  }
}
