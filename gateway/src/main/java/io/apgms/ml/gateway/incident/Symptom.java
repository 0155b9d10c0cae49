package io.apgms.ml.gateway.incident;

import java.util.Locale;

/** What an incident shows first. In the order in which it hurts, the worst first. */
public enum Symptom {
  ERRORS,
  LATENCY,
  DRIFT;

  /** As the runbook writes it. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
