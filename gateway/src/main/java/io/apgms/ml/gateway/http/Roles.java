package io.apgms.ml.gateway.http;

import java.util.List;

/** The roles a token can carry. */
public final class Roles {
  public static final String ONCALL = "oncall";
  public static final String DATA_SCIENTIST = "data-scientist";
  public static final String DS_LEAD = "ds-lead";
  public static final String COMPLIANCE = "compliance";
  public static final String SRE = "sre";
  public static final String SCORER = "scorer";
  public static final String LABELLER = "labeller";
  public static final String ALERTMANAGER = "alertmanager";

  /** Every role there is. */
  public static final List<String> ALL =
      List.of(ONCALL, DATA_SCIENTIST, DS_LEAD, COMPLIANCE, SRE, SCORER, LABELLER, ALERTMANAGER);

  private Roles() {}
}
