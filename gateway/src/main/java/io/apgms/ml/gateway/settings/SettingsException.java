package io.apgms.ml.gateway.settings;

/** A setting that keeps the service from starting. */
public final class SettingsException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public SettingsException(String key, String value, String expected) {
    super("setting " + key + " is '" + value + "', expected " + expected);
  }
}
