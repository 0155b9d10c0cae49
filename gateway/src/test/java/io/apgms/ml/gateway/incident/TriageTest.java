package io.apgms.ml.gateway.incident;

import static io.apgms.ml.gateway.incident.Planted.NEW;
import static io.apgms.ml.gateway.incident.Planted.OLD;
import static io.apgms.ml.gateway.incident.Planted.POINTS;
import static io.apgms.ml.gateway.incident.Planted.always;
import static io.apgms.ml.gateway.incident.Planted.at;
import static io.apgms.ml.gateway.incident.Planted.since;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;

class TriageTest {
  private static Planted quiet() {
    return new Planted().traffic(NEW, always(400), always(4), always(1)).drift("age", always(0.05));
  }

  @Test
  void of_quietSeries_leadsNothing() throws IOException {
    Triage.Verdict verdict = quiet().verdict();
    assertThat(verdict.leading()).isNull();
    assertThat(verdict.findings()).hasSize(3).allMatch(f -> f.state() == Finding.State.within);
  }

  @Test
  void of_errorsOfOneVersion_leadWithKindAndVersion() throws IOException {
    Triage.Verdict verdict =
        new Planted()
            .traffic(OLD, always(400), always(0), always(0))
            .traffic(NEW, since(40, 400), always(0), since(40, 100))
            .kind("invalid_output", since(40, 100))
            .verdict();
    assertThat(verdict.leading()).isNotNull();
    assertThat(verdict.leading().symptom()).isEqualTo(Symptom.ERRORS);
    assertThat(verdict.leading().since()).isEqualTo(at(40));
    assertThat(verdict.leading().by()).containsExactly(NEW);
    assertThat(verdict.leading().detail()).contains("invalid_output 100.0 %", "12.5 % of 800");
    assertThat(verdict.of(Symptom.LATENCY).state()).isEqualTo(Finding.State.within);
  }

  @Test
  void of_lateAnswers_leadWithTheirP95() throws IOException {
    Triage.Verdict verdict =
        new Planted().traffic(NEW, always(400), since(30, 200), always(0)).verdict();
    assertThat(verdict.leading().symptom()).isEqualTo(Symptom.LATENCY);
    assertThat(verdict.leading().since()).isEqualTo(at(30));
    assertThat(verdict.leading().detail()).contains("50.0 % of 400", "over 250 ms", "p95 925 ms");
  }

  @Test
  void of_drift_leadsAndNamesTheFeature() throws IOException {
    Triage.Verdict verdict = quiet().drift("income", i -> i < 20 ? 0.05 : 0.31).verdict();
    assertThat(verdict.leading().symptom()).isEqualTo(Symptom.DRIFT);
    assertThat(verdict.leading().by()).containsExactly("income of " + NEW);
    assertThat(verdict.leading().times()).isBetween(3.0, 3.2);
  }

  @Test
  void of_driftOfTooFewRows_isUnknown() throws IOException {
    Triage.Verdict verdict =
        new Planted()
            .traffic(NEW, always(400), always(0), always(0))
            .add(Series.FEATURE_DRIFT, always(Double.NaN), "version", NEW, "feature", "age")
            .verdict();
    assertThat(verdict.of(Symptom.DRIFT).state()).isEqualTo(Finding.State.unknown);
    assertThat(verdict.of(Symptom.DRIFT).detail()).contains("too few rows");
  }

  @Test
  void of_bothAsFar_leadsWhatCrossedFirst() throws IOException {
    assertThat(
            new Planted()
                .traffic(NEW, always(400), since(35, 200), since(30, 100))
                .kind("failed", since(30, 100))
                .verdict()
                .leading()
                .symptom())
        .isEqualTo(Symptom.ERRORS);
    assertThat(
            new Planted()
                .traffic(NEW, always(400), since(25, 200), since(30, 100))
                .kind("failed", since(30, 100))
                .verdict()
                .leading()
                .symptom())
        .isEqualTo(Symptom.LATENCY);
  }

  @Test
  void of_refusalsForWantOfTime_followTheLatency() throws IOException {
    Triage.Verdict verdict =
        new Planted()
            .traffic(NEW, always(400), since(35, 150), since(30, 200))
            .kind("expired", since(30, 200))
            .verdict();
    assertThat(verdict.leading().symptom()).isEqualTo(Symptom.LATENCY);
    assertThat(verdict.why()).contains("the errors follow");
    assertThat(verdict.of(Symptom.ERRORS).state()).isEqualTo(Finding.State.over);
  }

  @Test
  void of_latenessWithoutALog_followsTheErrors() throws IOException {
    Triage.Verdict verdict =
        new Planted()
            .traffic(NEW, always(400), since(30, 200), since(35, 100))
            .kind("not_logged", since(35, 100))
            .verdict();
    assertThat(verdict.leading().symptom()).isEqualTo(Symptom.ERRORS);
    assertThat(verdict.why()).contains("the latency follows");
  }

  @Test
  void of_faultThatIsOver_leadsNoMoreButIsTold() throws IOException {
    Triage.Verdict verdict =
        new Planted()
            .traffic(NEW, always(400), i -> i >= 20 && i < 30 ? 200 : 0, always(0))
            .verdict();
    assertThat(verdict.leading()).isNull();
    Finding latency = verdict.of(Symptom.LATENCY);
    assertThat(latency.state()).isEqualTo(Finding.State.ended);
    assertThat(latency.since()).isEqualTo(at(20));
    assertThat(latency.until()).isEqualTo(at(29));
  }

  @Test
  void of_fewRequests_sayNothing() throws IOException {
    Triage.Verdict verdict =
        new Planted().traffic(NEW, always(19), since(10, 10), since(10, 9)).verdict();
    assertThat(verdict.leading()).isNull();
    assertThat(verdict.of(Symptom.ERRORS).state()).isEqualTo(Finding.State.unknown);
  }

  @Test
  void of_aBudgetThatBurnsBelowTheBounds_leadsByItsLargerPart() throws IOException {
    Planted burning =
        new Planted()
            .traffic(NEW, always(400), always(5), always(2))
            .add(Series.BURN, always(15), "window", "1h")
            .add(Series.BURN, always(15), "window", "5m");
    assertThat(burning.verdict().leading().symptom()).isEqualTo(Symptom.LATENCY);
    assertThat(
            new Planted()
                .traffic(NEW, always(400), always(5), always(2))
                .add(Series.BURN, always(15), "window", "1h")
                .add(Series.BURN, always(14), "window", "5m")
                .verdict()
                .leading())
        .isNull();
  }

  @Test
  void of_everyReplicaSilent_areErrors() throws IOException {
    Triage.Verdict verdict =
        new Planted()
            .traffic(NEW, i -> i < 50 ? 400 : Double.NaN, always(0), always(0))
            .add(Series.UP, i -> i < 50 ? 1 : 0, "instance", "a")
            .add(Series.UP, i -> i < 45 ? 1 : 0, "instance", "b")
            .verdict();
    assertThat(verdict.leading().symptom()).isEqualTo(Symptom.ERRORS);
    assertThat(verdict.leading().since()).isEqualTo(at(50));
    assertThat(verdict.leading().detail()).contains("no replica answers");
  }

  @Test
  void of_requestsRefusedUnread_countByTheModelsShare() throws IOException {
    Planted two =
        new Planted()
            .traffic(NEW, always(100), always(0), always(0))
            .add(Series.EVERYONES, always(100), "model", "m", "outcome", "success")
            .add(Series.EVERYONES, always(300), "model", "n", "outcome", "success")
            .kind("limited", since(30, 400));
    assertThat(Flow.at(two.reading(), Planted.BOUNDS, at(40)).failed()).isEqualTo(100);
    assertThat(two.verdict().leading().symptom()).isEqualTo(Symptom.ERRORS);
  }

  /** A thousand nights: one fault each, somewhere, beside noise that is within the bounds. */
  @Test
  void of_anyPlantedFault_isNamedWithItsStart() throws IOException {
    for (int seed = 0; seed < 1_000; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      Symptom fault = List.of(Symptom.values()).get(random.nextInt(3));
      int start = 5 + random.nextInt(POINTS - 10);
      double all = 100 + random.nextInt(2_000);
      double bad = all * (0.1 + 0.8 * random.nextDouble());
      Triage.Verdict verdict = night(random, all, bad, start, fault).verdict();
      assertThat(verdict.leading()).as("seed %d", seed).isNotNull();
      assertThat(verdict.leading().symptom()).as("seed %d", seed).isEqualTo(fault);
      assertThat(verdict.leading().since()).as("seed %d", seed).isEqualTo(at(start));
      Triage.Verdict none = night(random, all, bad, POINTS, fault).verdict();
      assertThat(none.leading()).as("seed %d", seed).isNull();
    }
  }

  private static Planted night(
      SplittableRandom random, double all, double bad, int start, Symptom fault) {
    double[] noise = new double[3 * POINTS];
    for (int i = 0; i < noise.length; i++) {
      noise[i] = random.nextDouble();
    }
    IntToDoubleFunction late =
        i -> fault == Symptom.LATENCY && i >= start ? bad : 0.04 * all * noise[i];
    IntToDoubleFunction failed =
        i -> fault == Symptom.ERRORS && i >= start ? bad : 0.01 * all * noise[POINTS + i];
    return new Planted()
        .traffic(NEW, always(all), late, failed)
        .kind("failed", failed)
        .drift(
            "age",
            i ->
                fault == Symptom.DRIFT && i >= start
                    ? 0.1 + bad / all
                    : 0.09 * noise[2 * POINTS + i]);
  }

  /** The control: what is late taken for what failed, and the other way round. */
  @Test
  void of_swappedSeries_givesTheSwappedAnswer() throws IOException {
    for (int seed = 0; seed < 200; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      int start = 5 + random.nextInt(50);
      double bad = 60 + random.nextInt(200);
      IntToDoubleFunction fault = since(start, bad);
      Triage.Verdict errors =
          new Planted().traffic(NEW, always(400), always(0), fault).kind("failed", fault).verdict();
      Triage.Verdict swapped = new Planted().traffic(NEW, always(400), fault, always(0)).verdict();
      assertThat(errors.leading().symptom()).isEqualTo(Symptom.ERRORS);
      assertThat(swapped.leading().symptom()).isEqualTo(Symptom.LATENCY);
      assertThat(swapped.leading().since()).isEqualTo(errors.leading().since());
    }
  }
}
