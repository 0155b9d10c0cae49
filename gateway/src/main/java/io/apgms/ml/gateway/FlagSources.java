package io.apgms.ml.gateway;

import io.apgms.ml.flags.DecisionModes;
import io.apgms.ml.flags.FlagFile;
import io.apgms.ml.flags.FlagSource;
import io.apgms.ml.flags.UnleashFlags;
import io.apgms.ml.gateway.settings.Settings;

/** Unleash where it is configured, the flags file where it is not. */
final class FlagSources {
  private FlagSources() {}

  static FlagSource start(Settings settings, DecisionModes modes) {
    Settings.Unleash unleash = settings.unleash();
    return unleash.url().isEmpty()
        ? FlagFile.start(settings.decision().flagsFile(), modes)
        : UnleashFlags.start(unleash.url(), unleash.token(), modes);
  }
}
