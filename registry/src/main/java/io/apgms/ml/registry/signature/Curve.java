package io.apgms.ml.registry.signature;

import java.math.BigInteger;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.interfaces.ECKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The curves that may sign, each with its one hash (FIPS 186-5). */
enum Curve {
  P256("secp256r1", "SHA256withECDSA"),
  P384("secp384r1", "SHA384withECDSA");

  final String jcaName;
  final String algorithm;

  private static final Map<Curve, ECParameterSpec> PARAMETERS = new EnumMap<>(Curve.class);

  static {
    for (Curve curve : values()) {
      PARAMETERS.put(curve, named(curve.jcaName));
    }
  }

  Curve(String jcaName, String algorithm) {
    this.jcaName = jcaName;
    this.algorithm = algorithm;
  }

  private static ECParameterSpec named(String jcaName) {
    try {
      AlgorithmParameters named = AlgorithmParameters.getInstance("EC");
      named.init(new ECGenParameterSpec(jcaName));
      return named.getParameterSpec(ECParameterSpec.class);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has " + jcaName, e);
    }
  }

  /** The curve of a key; null for one that may not sign. */
  static @Nullable Curve of(ECKey key) {
    ECParameterSpec its = key.getParams();
    for (Map.Entry<Curve, ECParameterSpec> entry : PARAMETERS.entrySet()) {
      ECParameterSpec known = entry.getValue();
      if (its.getCurve().equals(known.getCurve())
          && its.getGenerator().equals(known.getGenerator())
          && its.getOrder().equals(known.getOrder())
          && its.getCofactor() == known.getCofactor()) {
        return entry.getKey();
      }
    }
    return null;
  }

  /**
   * Whether these bytes are two integers from 1 to the order − 1 in the one DER spelling of them
   * (RFC 3279, section 2.2.3); either of the two valid values of s will do.
   */
  boolean isSignature(byte[] der) {
    ECParameterSpec parameters = PARAMETERS.get(this);
    int at = 2;
    // Both integers of P-384 fit into a short length: 2 * (2 + 49) = 102.
    if (parameters == null
        || der.length < 2
        || der[0] != 0x30
        || der[1] < 0
        || der[1] != der.length - 2) {
      return false;
    }
    for (int i = 0; i < 2; i++) {
      if (at + 2 > der.length || der[at] != 0x02) {
        return false;
      }
      int length = der[at + 1];
      if (length < 1 || at + 2 + length > der.length) {
        return false;
      }
      BigInteger value = new BigInteger(der, at + 2, length);
      if (value.signum() <= 0
          || value.compareTo(parameters.getOrder()) >= 0
          || value.toByteArray().length != length) {
        return false;
      }
      at += 2 + length;
    }
    return at == der.length;
  }
}
