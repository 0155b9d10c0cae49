package io.apgms.ml.gateway.cluster;

import com.hazelcast.cluster.MembershipEvent;
import com.hazelcast.cluster.MembershipListener;
import com.hazelcast.config.Config;
import com.hazelcast.config.JavaSerializationFilterConfig;
import com.hazelcast.config.JoinConfig;
import com.hazelcast.config.MapConfig;
import com.hazelcast.config.MultiMapConfig;
import com.hazelcast.config.NetworkConfig;
import com.hazelcast.core.LifecycleEvent;
import com.hazelcast.core.LifecycleEvent.LifecycleState;
import io.apgms.ml.gateway.settings.ClusterSettings;
import io.apgms.ml.gateway.settings.ClusterSettings.ClusterTls;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.EventBusOptions;
import io.vertx.core.http.ClientAuth;
import io.vertx.core.net.PemKeyCertOptions;
import io.vertx.core.net.PemTrustOptions;
import io.vertx.core.spi.cluster.ClusterManager;
import io.vertx.spi.cluster.hazelcast.HazelcastClusterManager;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This process' place in the cluster: who belongs to it is Hazelcast's business, on its own port;
 * messages go from process to process on the event bus' port.
 */
public final class Clustering {
  private static final Logger LOG = LoggerFactory.getLogger(Clustering.class);

  /** The member's attribute under which vertx-hazelcast keeps the node's id. */
  private static final String NODE = "__vertx.nodeId";

  /**
   * Hazelcast's own properties. A member whose connection breaks is removed within a second or two,
   * one that falls silent after ten; what is under way does not wait for either.
   */
  private static final Map<String, String> PROPERTIES =
      Map.ofEntries(
          Map.entry("hazelcast.logging.type", "slf4j"),
          Map.entry("hazelcast.phone.home.enabled", "false"),
          Map.entry("hazelcast.shutdownhook.enabled", "false"), // the service closes in its order
          Map.entry("hazelcast.socket.bind.any", "false"),
          Map.entry("hazelcast.socket.server.bind.any", "false"),
          Map.entry("hazelcast.socket.client.bind.any", "false"),
          Map.entry("hazelcast.graceful.shutdown.max.wait", "5"), // seconds
          Map.entry("hazelcast.wait.seconds.before.join", "1"),
          Map.entry("hazelcast.max.join.seconds", "30"),
          Map.entry("hazelcast.heartbeat.interval.seconds", "1"),
          Map.entry("hazelcast.max.no.heartbeat.seconds", "10"),
          Map.entry("hazelcast.connection.monitor.max.faults", "2"),
          Map.entry("hazelcast.merge.first.run.delay.seconds", "5"),
          Map.entry("hazelcast.merge.next.run.delay.seconds", "5"),
          Map.entry("hazelcast.operation.call.timeout.millis", "5000"),
          Map.entry("hazelcast.partition.count", "31"), // a few hundred registrations, no data
          Map.entry("hazelcast.operation.thread.count", "2"),
          Map.entry("hazelcast.operation.generic.thread.count", "2"),
          Map.entry("hazelcast.event.thread.count", "1"),
          Map.entry("hazelcast.io.thread.count", "1"));

  /** Well within the silence after which an edge gives a member up. */
  private static final long REPAIR_MS = 1_000;

  private final HazelcastClusterManager manager;
  private final ClusterSettings settings;

  /** As the settings say; nothing is opened yet. */
  public Clustering(ClusterSettings settings) {
    this.settings = settings;
    this.manager = new HazelcastClusterManager(config(settings));
  }

  static Config config(ClusterSettings settings) {
    Config config = new Config().setClusterName(settings.name());
    PROPERTIES.forEach(config::setProperty);
    config.getJetConfig().setEnabled(false);
    config.getMetricsConfig().setEnabled(false);
    config.getSerializationConfig().setJavaSerializationFilterConfig(filter());
    network(config.getNetworkConfig(), settings);
    // What vertx-hazelcast keeps there, as its own default-cluster.xml has it.
    config.addMultiMapConfig(
        new MultiMapConfig("__vertx.subs")
            .setBackupCount(1)
            .setValueCollectionType(MultiMapConfig.ValueCollectionType.SET));
    config.addMapConfig(new MapConfig("__vertx.haInfo").setBackupCount(1));
    config.addMapConfig(new MapConfig("__vertx.nodeInfo").setBackupCount(1));
    return config;
  }

  private static void network(NetworkConfig network, ClusterSettings settings) {
    network
        .setPort(settings.port())
        .setPortAutoIncrement(false)
        .setReuseAddress(true) // a process that starts again where one was killed
        .setPublicAddress(settings.host() + ":" + settings.port());
    network.getInterfaces().setEnabled(true).addInterface(settings.host());
    JoinConfig join = network.getJoin();
    join.getAutoDetectionConfig().setEnabled(false);
    join.getMulticastConfig().setEnabled(false);
    join.getTcpIpConfig().setEnabled(true).setConnectionTimeoutSeconds(2);
    settings.members().forEach(join.getTcpIpConfig()::addMember);
  }

  /** What Java may deserialise from a member: Hazelcast's own types and its exceptions' parts. */
  private static JavaSerializationFilterConfig filter() {
    JavaSerializationFilterConfig filter =
        new JavaSerializationFilterConfig().setDefaultsDisabled(true);
    filter.getWhitelist().addPrefixes("com.hazelcast.", "java.lang.", "[Ljava.lang.");
    filter
        .getWhitelist()
        .addClasses(
            "java.util.Collections$EmptyList",
            "java.util.Collections$UnmodifiableCollection",
            "java.util.Collections$UnmodifiableList",
            "java.util.ArrayList");
    return filter;
  }

  /** What Vert.x is built with. */
  public ClusterManager manager() {
    return manager;
  }

  /** Where messages between processes come in, and how they are kept from others. */
  public EventBusOptions eventBus() {
    EventBusOptions bus =
        new EventBusOptions()
            .setHost(settings.host())
            .setPort(settings.busPort())
            .setClusterPublicHost(settings.host())
            .setReconnectAttempts(0)
            .setConnectTimeout(1_000);
    ClusterTls tls = settings.tls();
    if (tls == null) {
      return bus;
    }
    return bus.setSsl(true)
        .setClientAuth(ClientAuth.REQUIRED)
        .setTrustAll(false)
        .setKeyCertOptions(
            new PemKeyCertOptions()
                .setCertPath(tls.cert().toString())
                .setKeyPath(tls.key().toString()))
        .setTrustOptions(new PemTrustOptions().addCertPath(tls.ca().toString()));
  }

  /** Id of this process in the cluster, once Vert.x was built. */
  public String node() {
    return manager.getNodeId();
  }

  /**
   * Keeps this process' address and consumers entered, once a second. A member that slept until it
   * was dropped takes the others for gone when it wakes, and removes their entries; while it is
   * being merged it does so for all. After a merge the cluster manager enters anew what the merged
   * member itself has, and nothing of the others (vert-x3/vertx-hazelcast, 5.0.8). What is there is
   * entered again to no effect.
   */
  public void keepEntered(Vertx vertx) {
    AtomicBoolean running = new AtomicBoolean();
    vertx.setPeriodic(
        REPAIR_MS,
        id -> {
          if (running.compareAndSet(false, true)) {
            vertx
                .executeBlocking(this::enter, false)
                .onComplete(
                    done -> {
                      running.set(false);
                      if (done.failed()) {
                        LOG.debug("not entered anew: {}", done.cause().getMessage());
                      }
                    });
          }
        });
  }

  private @Nullable Void enter() {
    manager.stateChanged(new LifecycleEvent(LifecycleState.MERGED));
    return null;
  }

  /** Tells of each process that left, on Hazelcast's thread. */
  public void onLeft(Consumer<String> left) {
    manager
        .getHazelcastInstance()
        .getCluster()
        .addMembershipListener(
            new MembershipListener() {
              @Override
              public void memberAdded(MembershipEvent event) {
                LOG.info("{} joined the cluster", event.getMember().getAddress());
              }

              @Override
              public void memberRemoved(MembershipEvent event) {
                LOG.info("{} left the cluster", event.getMember().getAddress());
                String node = event.getMember().getAttribute(NODE);
                if (node != null) {
                  left.accept(node);
                }
              }
            });
  }
}
