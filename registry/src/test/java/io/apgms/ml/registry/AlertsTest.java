package io.apgms.ml.registry;

import static io.apgms.ml.registry.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.registry.Alerts.Heard;
import io.vertx.core.Future;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class AlertsTest {
  private static final Instant START = Instant.parse("2026-11-24T22:00:00.123456Z");

  private final TestDatabase db = new TestDatabase();
  private final Alerts alerts = db.registry.alerts();

  private static Alert alert(String fingerprint, Instant startsAt, Instant endsAt) {
    Map<String, String> labels =
        Map.of("alertname", "MLServiceDown", "severity", "page", "instance", "a\"\\ü");
    return new Alert(fingerprint, startsAt, endsAt, labels, "a does not answer");
  }

  private List<Heard> between(Instant from, Instant to) {
    return get(alerts.between(from, to, 100));
  }

  private long count() {
    return get(
        db.pool
            .query("SELECT count(*) FROM registry.alert")
            .execute()
            .map(rows -> rows.iterator().next().getLong(0)));
  }

  @Test
  void put_firingThenResolved_isOneAlertThatEnded() {
    Alert firing = alert("ab", START, null);
    get(alerts.put(List.of(firing)));
    assertThat(between(START, START.plusMillis(1)))
        .extracting(Heard::alert)
        .containsExactly(firing);
    Alert resolved = alert("ab", START, START.plusSeconds(60));
    get(alerts.put(List.of(firing, firing, resolved)));
    assertThat(between(START, START.plusMillis(1)))
        .extracting(Heard::alert)
        .containsExactly(resolved);
    get(alerts.put(List.of())); // an empty group is told too
  }

  @Test
  void between_aWindow_hasWhatFiredInIt() {
    get(
        alerts.put(
            List.of(
                alert("01", START, START.plusSeconds(60)),
                alert("02", START.plusSeconds(30), null),
                alert("02", START.minusSeconds(99), START.minusSeconds(90)))));
    assertThat(between(START.plusSeconds(10), START.plusSeconds(20)))
        .extracting(h -> h.alert().fingerprint())
        .containsExactly("01");
    assertThat(between(START.plusSeconds(61), START.plusSeconds(62)))
        .extracting(h -> h.alert().fingerprint())
        .containsExactly("02");
    assertThat(between(START.minusSeconds(100), START.plusSeconds(99))).hasSize(3);
    assertThat(get(alerts.between(START.minusSeconds(100), START.plusSeconds(99), 1))).hasSize(1);
  }

  @Test
  void put_byManyAtOnceInAnyOrder_isEachOnce() {
    List<Future<Void>> calls = new ArrayList<>();
    for (int call = 0; call < 40; call++) {
      List<Alert> all =
          new ArrayList<>(
              IntStream.range(0, 50)
                  .mapToObj(i -> alert(Integer.toHexString(i), START, null))
                  .toList());
      Collections.shuffle(all, new java.util.Random(call));
      calls.add(alerts.put(all));
    }
    calls.forEach(TestDatabase::get);
    assertThat(count()).isEqualTo(50);
  }

  @Test
  void put_whatIsOldOrTooMany_goesWithIt() {
    db.sql(
        "INSERT INTO registry.alert SELECT to_hex(i), now(), NULL, 'n', '{\"alertname\":\"n\"}',"
            + " NULL, now() - CASE WHEN i <= 1500 THEN interval '91 days' ELSE interval '1 day' END"
            + " FROM generate_series(1, 2000) i");
    get(alerts.put(List.of(alert("ffffff", START, null))));
    assertThat(count()).as("1,000 at a time").isEqualTo(1_001);
    get(alerts.put(List.of(alert("1", START, null)))); // an old one that is heard of again
    assertThat(count()).isEqualTo(502);
    db.sql(
        "INSERT INTO registry.alert SELECT to_hex(i), now(), NULL, 'n', '{\"alertname\":\"n\"}',"
            + " NULL, now() - interval '2 days' FROM generate_series(10001, 20000) i");
    get(alerts.put(List.of(alert("ffffff", START, null))));
    assertThat(count()).as("10,000 and what came in the same moment").isBetween(10_000L, 10_502L);
  }

  @Test
  void put_tooMany_isRefused() {
    List<Alert> many = Collections.nCopies(Alerts.MAX + 1, alert("ab", START, null));
    assertThatThrownBy(() -> get(alerts.put(many)))
        .isInstanceOf(RegistryException.Invalid.class)
        .hasMessageContaining("501 alerts");
    assertThatThrownBy(() -> new Alert("ab", START, null, Map.of(), null))
        .hasMessageContaining("alertname");
  }
}
