package io.apgms.ml.gateway.admin;

import static io.apgms.ml.gateway.MigratedDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.gateway.MigratedDatabase;
import io.apgms.ml.gateway.database.Database;
import io.apgms.ml.registry.RegistryDatabase;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.pgclient.PgConnectOptions;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class NotificationsTest {
  /** It said nothing of that before, and a stop in between cut the connection with stack traces. */
  @Test
  void listen_isDone_onceWhatIsNotifiedArrives() throws Exception {
    try (MigratedDatabase database = MigratedDatabase.start()) {
      CountDownLatch looked = new CountDownLatch(1);
      PgConnectOptions connect = Database.connectOptions(database.address(), 5_000);
      get(Notifications.listen(database.vertx(), connect, looked::countDown));
      database.sql("NOTIFY " + RegistryDatabase.CHANNEL);
      assertThat(looked.await(20, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void listen_toADatabaseThatSaysNothing_isNotDone() throws Exception {
    Vertx vertx = Vertx.vertx();
    try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      PgConnectOptions connect =
          new PgConnectOptions().setHost("127.0.0.1").setPort(silent.getLocalPort());
      Future<Void> listens = Notifications.listen(vertx, connect, () -> {});
      try (Socket accepted = silent.accept()) {
        assertThat(accepted.getInputStream().read()).isNotNegative(); // its first message is there
        assertThat(listens.isComplete()).isFalse();
      }
    } finally {
      get(vertx.close());
    }
  }

  @Test
  void listen_toNothing_isDone() {
    assertThat(Notifications.listen(Vertx.vertx(), null, () -> {}).succeeded()).isTrue();
  }
}
