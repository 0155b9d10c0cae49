package io.apgms.ml.flags.planted;

import io.apgms.ml.gateway.settings.Settings;

/** A planted violation: flags may see no module of ours. */
public final class SeesTheGateway {
  public Settings.Http seen() {
    return new Settings.Http("127.0.0.1", 0, 1, 1_024, 1_024, 1, 1_000, 1, 0);
  }
}
