package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AddressRuleTest {
  private static InetAddress address(String host) throws UnknownHostException {
    return InetAddress.getByName(host);
  }

  /** Whatever the spelling, what counts is where it leads. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "127.0.0.1",
        "127.1",
        "127.255.255.254",
        "2130706433",
        "0.0.0.0",
        "0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "192.168.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "169.254.169.254",
        "169.254.0.1",
        "2852039166",
        "192.0.0.1",
        "192.0.0.170",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "::8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::1",
        "100::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "fdff::1",
        "ff02::1",
        "ff0e::1",
        "2001::1",
        "2001:0:7f00:1::",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "8000::1",
        "e000::1"
      })
  void allows_specialAddress_isRefused(String host) throws Exception {
    assertThat(AddressRule.allows(address(host), false)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "8.8.8.8",
        "1.1.1.1",
        "172.15.255.255",
        "172.32.0.1",
        "100.128.0.1",
        "223.255.255.255",
        "192.0.1.1",
        "::ffff:8.8.8.8",
        "2606:4700::1111",
        "2a00:1450::1"
      })
  void allows_publicAddress_isTaken(String host) throws Exception {
    assertThat(AddressRule.allows(address(host), false)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "fd12::1"})
  void allows_privateAddressWhereThatIsSet_isTaken(String host) throws Exception {
    assertThat(AddressRule.allows(address(host), true)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "169.254.169.254",
        "fd00:ec2::254",
        "fe80::1",
        "0.0.0.0",
        "224.0.0.1",
        "::",
        "::ffff:169.254.169.254",
        "255.255.255.255"
      })
  void allows_metadataServiceAlsoWherePrivateIsSet_isRefused(String host) throws Exception {
    assertThat(AddressRule.allows(address(host), true)).isFalse();
  }

  /** Spellings of loopback and metadata in a URL lead to a look-up, and that to the rule. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[0:0:0:0:0:ffff:7f00:1]/",
        "https://localhost/",
        "https://169.254.169.254/latest/meta-data",
        "https://2852039166/",
        "https://[fd00:ec2::254]/",
        "https://0/",
        "https://[::]/",
        "https://127.0.0.1:22/"
      })
  void allows_spellingsInAUrl_areRefusedAtTheLatestByTheirAddress(String url) {
    String host;
    try {
      host = ActionSink.of(URI.create(url).toString(), false).host();
    } catch (IllegalArgumentException e) {
      return; // refused before
    }
    try {
      for (InetAddress one : InetAddress.getAllByName(host)) {
        assertThat(AddressRule.allows(one, false)).as(one.toString()).isFalse();
      }
    } catch (UnknownHostException e) {
      // leads nowhere
    }
  }
}
