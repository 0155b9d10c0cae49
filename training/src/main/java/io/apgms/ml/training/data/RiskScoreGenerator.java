package io.apgms.ml.training.data;

import io.apgms.ml.training.fit.Rng;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;

/**
 * Made-up business-activity cases with a known probability of an adverse outcome (an audit
 * adjustment or a default within 12 months).
 *
 * <p>Each row has a stream of its own under the seed, so any window of the endless sequence can be
 * made alone. One hidden state, financial distress d ~ N(0, 1), drives twelve features, each with
 * noise of its own and inside fixed bounds; the probability is the logistic function of a sum over
 * the rounded features (bounded, partly non-linear, one interaction), and the label is drawn from
 * it. Protected columns do not enter the probability; two of them are mild proxies: owners in
 * remote regions work in more volatile industries, and older owners hold older accounts.
 */
public final class RiskScoreGenerator {
  /** Its name in a schema. */
  public static final String NAME = "risk-score";

  /** The header of the CSV: row id, features, outcome, true probability, protected columns. */
  static final String HEADER =
      "case_id,liquidity_ratio,cash_burn_rate,revenue_variance,late_lodgements_12m,"
          + "days_since_last_lodgement,payroll_to_revenue,tax_debt_ratio,industry_volatility,"
          + "account_age_months,refund_claim_ratio,director_changes_24m,"
          + "transaction_anomalies_30d,adverse_outcome,true_probability,owner_sex,owner_age,"
          + "region";

  private static final double PAYROLL_MISSING = 0.06;
  private static final double INTERCEPT = -2.55;

  private RiskScoreGenerator() {}

  /** Rows {@code from} (inclusive) to {@code to} (exclusive) as UTF-8 CSV, lines ended by LF. */
  public static byte[] csv(long seed, int from, int to) {
    StringBuilder out = new StringBuilder(HEADER.length() + 100 * (to - from));
    out.append(HEADER).append('\n');
    for (int i = from; i < to; i++) {
      row(out, Rng.of(seed, i), i);
    }
    return out.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static void row(StringBuilder out, Rng rng, int id) {
    double d = rng.normal();
    int age = (int) bounded(46 + 12 * rng.normal(), 18, 90);
    boolean female = rng.uniform() < 0.38;
    double place = rng.uniform();
    String region = place < 0.62 ? "metro" : place < 0.9 ? "regional" : "remote";
    double remoteness = place < 0.62 ? 0 : place < 0.9 ? 0.03 : 0.06;

    double[] f = new double[12];
    f[0] = rounded(bounded(StrictMath.exp(0.35 - 0.45 * d + 0.5 * rng.normal()), 0, 10));
    f[1] = rounded(bounded(0.05 + 0.12 * d + 0.18 * rng.normal(), -1, 3));
    f[2] = rounded(bounded(StrictMath.exp(-1.2 + 0.3 * d + 0.5 * rng.normal()), 0, 5));
    f[3] = count(rng, StrictMath.exp(-0.5 + 0.7 * d), 12);
    f[4] = StrictMath.rint(bounded(StrictMath.exp(3.9 + 0.35 * d + 0.6 * rng.normal()), 0, 730));
    boolean noPayroll = rng.uniform() < PAYROLL_MISSING;
    f[5] = rounded(bounded(StrictMath.exp(-1.1 + 0.2 * d + 0.5 * rng.normal()), 0, 3));
    f[6] = rounded(bounded(StrictMath.exp(-2.3 + 0.8 * d + 0.7 * rng.normal()) - 0.04, 0, 5));
    f[7] = rounded(bounded(0.3 + remoteness + 0.12 * rng.normal(), 0, 1));
    double years = StrictMath.exp(3.6 + 0.012 * (age - 46) - 0.15 * d + 0.8 * rng.normal());
    f[8] = StrictMath.rint(bounded(years, 0, 600));
    f[9] = rounded(bounded(StrictMath.exp(-2.0 + 0.4 * d + 0.8 * rng.normal()), 0, 2));
    f[10] = count(rng, StrictMath.exp(-1.6 + 0.4 * d), 10);
    f[11] = count(rng, StrictMath.exp(0.1 + 0.5 * d), 50);
    double p = probability(f, noPayroll);
    int label = rng.uniform() < p ? 1 : 0;

    out.append(id);
    for (int i = 0; i < f.length; i++) {
      out.append(',');
      if (i != 5 || !noPayroll) {
        out.append(decimal(f[i], 4));
      }
    }
    out.append(',').append(label).append(',').append(decimal(p, 6));
    out.append(',').append(female ? "female" : "male").append(',').append(age);
    out.append(',').append(region).append('\n');
  }

  /** The true probability of a row of rounded features. */
  private static double probability(double[] f, boolean noPayroll) {
    double late = StrictMath.min(f[3], 6);
    double logit =
        INTERCEPT
            - 1.3 * StrictMath.log(f[0] + 0.25)
            + 1.9 * bounded(f[1], -0.5, 1)
            + 0.9 * StrictMath.min(f[2], 1.5)
            + 0.42 * late
            + 0.5 * bounded((f[4] - 60) / 60, -1, 3)
            + (noPayroll ? 0.3 : 1.6 * StrictMath.max(f[5] - 0.5, 0))
            + 1.5 * StrictMath.min(f[6], 1.2)
            + 1.8 * (f[7] - 0.3)
            - 0.35 * StrictMath.log((f[8] + 6) / 40)
            + 2.2 * StrictMath.max(StrictMath.min(f[9], 1) - 0.2, 0)
            + 0.45 * StrictMath.min(f[10], 3)
            + 0.16 * StrictMath.min(f[11], 8)
            + 0.5 * late * StrictMath.min(f[6], 1);
    return bounded(1 / (1 + StrictMath.exp(-logit)), 0.000001, 0.999999);
  }

  /** A Poisson count (Knuth's product of uniforms) of at most {@code max}. */
  private static double count(Rng rng, double mean, int max) {
    double limit = StrictMath.exp(-mean);
    double product = rng.uniform();
    int n = 0;
    while (product > limit && n < max) {
      product *= rng.uniform();
      n++;
    }
    return n;
  }

  private static double bounded(double value, double min, double max) {
    return StrictMath.min(StrictMath.max(value, min), max);
  }

  private static double rounded(double value) {
    return StrictMath.rint(value * 1e4) / 1e4;
  }

  private static String decimal(double value, int places) {
    BigDecimal text = new BigDecimal(value).setScale(places, RoundingMode.HALF_EVEN);
    return text.signum() == 0 ? "0" : text.stripTrailingZeros().toPlainString();
  }
}
