package io.apgms.ml.gateway.cli;

import io.apgms.ml.gateway.Service;
import io.apgms.ml.gateway.settings.Settings;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

@Command(
    name = "serve",
    description = {
      "Serve decisions: the API listener and the management listener.",
      "conf/application.yaml lists every setting and the variable that overrides it."
    },
    footer = {
      "",
      "Examples:",
      "  bin/ml-service serve",
      "  ML_HTTP_PORT=8081 ML_DATA_DIR=/var/lib/ml bin/ml-service serve"
    })
final class ServeCommand implements Callable<Integer> {
  /** For what is under way, the sends of actions and the spool, beside the drain itself. */
  private static final Duration CLOSING = Duration.ofSeconds(19);

  private static final Logger LOG = LoggerFactory.getLogger(ServeCommand.class);

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  @Override
  public Integer call() throws Exception {
    Settings settings = Settings.read(MlService.home(), System.getenv());
    LogFormat.set(settings.log().json());
    Service service = Service.start(settings);
    Duration bound = CLOSING.plusMillis(settings.management().drainMs());
    Runtime.getRuntime().addShutdownHook(new Thread(() -> close(service, bound), "shutdown"));
    String ready = ready(settings, service);
    if (settings.log().json()) {
      LOG.info(ready);
    } else {
      spec.commandLine().getErr().println("ml-service: " + ready);
    }
    return MlService.KEEP_RUNNING;
  }

  private static String ready(Settings settings, Service service) {
    String scheme = settings.tls() == null ? "http" : "https";
    String api =
        settings.cluster().edge()
            ? "API " + scheme + "://" + settings.http().host() + ":" + service.apiPort()
            : "no API";
    return String.format(
        "ready: %s, management %s://%s:%d",
        api, scheme, settings.management().host(), service.managementPort());
  }

  /** What has not closed by then is left: the spool and PostgreSQL have what was answered. */
  private static void close(Service service, Duration bound) {
    Thread closing = new Thread(service::close, "closing");
    closing.setDaemon(true);
    closing.start();
    try {
      closing.join(bound.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
