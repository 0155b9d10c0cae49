package io.apgms.ml.gateway.cli;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.core.joran.spi.JoranException;
import java.util.Objects;
import org.slf4j.LoggerFactory;
import org.slf4j.bridge.SLF4JBridgeHandler;

/** How a service writes its log lines. */
final class LogFormat {
  private static final String JSON = "logback-json.xml";

  private LogFormat() {}

  /**
   * Before anything is logged. What logs by the JDK's own logging goes the same way from now on.
   */
  static void set(boolean json) throws JoranException {
    SLF4JBridgeHandler.removeHandlersForRootLogger();
    SLF4JBridgeHandler.install();
    if (json) {
      LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
      context.reset();
      JoranConfigurator configurator = new JoranConfigurator();
      configurator.setContext(context);
      configurator.doConfigure(
          Objects.requireNonNull(LogFormat.class.getClassLoader().getResource(JSON)));
    }
  }
}
