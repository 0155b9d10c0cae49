package io.apgms.ml.scoring.pool;

import io.apgms.ml.scoring.ServedModel;

/** A version by its artifact: what must be the same at both ends. */
record VersionKey(String modelId, String version, String digest) {
  static VersionKey of(ServedModel model) {
    return new VersionKey(model.modelId(), model.version(), model.digest());
  }
}
