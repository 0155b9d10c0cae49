package io.apgms.ml.gateway;

import io.apgms.ml.gateway.jira.JiraMirror;
import io.apgms.ml.gateway.pagerduty.PagerDutyNotes;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.RegistryDatabase;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.ArrayList;
import java.util.List;

/** Those who tell other systems what the audit log says, where these are configured. */
final class Mirrors {
  private Mirrors() {}

  /** Starts them; each is to be closed. */
  static List<AutoCloseable> start(
      Settings settings, RegistryDatabase registry, String replica, MeterRegistry meters) {
    List<AutoCloseable> started = new ArrayList<>();
    if (settings.jira() != null) {
      started.add(
          JiraMirror.mirror(settings.jira(), registry.ticketMirror(), replica, meters).start());
    }
    if (settings.pagerDuty() != null) {
      started.add(
          PagerDutyNotes.mirror(settings.pagerDuty(), registry.changeNotes(), replica, meters)
              .start());
    }
    return started;
  }
}
