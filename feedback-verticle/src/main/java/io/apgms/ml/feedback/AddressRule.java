package io.apgms.ml.feedback;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Set;

/**
 * Which addresses a sink may have. Public means: not in the special-purpose registries of IANA (RFC
 * 6890), and of IPv6 nothing but global unicast that holds no IPv4 address inside.
 */
final class AddressRule {
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Block(byte[] prefix, int bits) {
    static Block of(String cidr) {
      int slash = cidr.indexOf('/');
      try {
        byte[] prefix = InetAddress.getByName(cidr.substring(0, slash)).getAddress();
        return new Block(prefix, Integer.parseInt(cidr.substring(slash + 1)));
      } catch (UnknownHostException e) {
        throw new IllegalStateException(e);
      }
    }

    boolean holds(byte[] address) {
      if (address.length != prefix.length) {
        return false;
      }
      for (int bit = 0; bit < bits; bit++) {
        int mask = 0x80 >> (bit & 7);
        if (((address[bit >> 3] ^ prefix[bit >> 3]) & mask) != 0) {
          return false;
        }
      }
      return true;
    }
  }

  private static final List<Block> NOT_PUBLIC =
      blocks(
          "0.0.0.0/8",
          "10.0.0.0/8",
          "100.64.0.0/10",
          "127.0.0.0/8",
          "169.254.0.0/16",
          "172.16.0.0/12",
          "192.0.0.0/24",
          "192.0.2.0/24",
          "192.88.99.0/24",
          "192.168.0.0/16",
          "198.18.0.0/15",
          "198.51.100.0/24",
          "203.0.113.0/24",
          "224.0.0.0/4",
          "240.0.0.0/4",
          "2001::/23",
          "2001:db8::/32",
          "2002::/16",
          "3fff::/20");

  private static final List<Block> GLOBAL_UNICAST = blocks("2000::/3");

  /**
   * What {@code allowPrivate} opens: never link-local (metadata services), multicast or 0.0.0.0.
   */
  private static final List<Block> PRIVATE =
      blocks("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7");

  /** AWS' metadata service over IPv6 lies in the private range. */
  private static final Set<String> NEVER = Set.of("fd00:ec2:0:0:0:0:0:254");

  private AddressRule() {}

  private static List<Block> blocks(String... cidrs) {
    return List.of(cidrs).stream().map(Block::of).toList();
  }

  /** Whether it may be connected to. IPv4-mapped addresses are IPv4 ones to Java. */
  static boolean allows(InetAddress address, boolean allowPrivate) {
    byte[] bytes = address.getAddress();
    if (NEVER.contains(address.getHostAddress())) {
      return false;
    }
    if (allowPrivate && in(PRIVATE, bytes)) {
      return true;
    }
    boolean unicast = address instanceof Inet4Address || in(GLOBAL_UNICAST, bytes);
    return unicast && !in(NOT_PUBLIC, bytes);
  }

  private static boolean in(List<Block> blocks, byte[] address) {
    return blocks.stream().anyMatch(b -> b.holds(address));
  }
}
