package io.apgms.ml.feedback;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ActionSinkTest {
  @Test
  void of_url_isSplitAndItsIdTellsNoPath() {
    ActionSink sink = ActionSink.of("https://Hooks.example.com/T0/s3cret?k=v", false);
    assertThat(sink.host()).isEqualTo("hooks.example.com");
    assertThat(sink.port()).isEqualTo(443);
    assertThat(sink.path()).isEqualTo("/T0/s3cret?k=v");
    assertThat(sink.id()).matches("hooks\\.example\\.com-[0-9a-f]{8}");
    assertThat(sink.toString()).doesNotContain("s3cret");
    assertThat(ActionSink.of("https://hooks.example.com/T1", false).id()).isNotEqualTo(sink.id());
  }

  @ParameterizedTest
  @CsvSource({
    "http://sink.example/s3cret, false, not https",
    "ftp://sink.example/s3cret, true, not https",
    "file:///etc/s3cret, true, not https",
    "//sink.example/s3cret, true, not https",
    "gopher://sink.example/s3cret, true, not https",
    "https:///s3cret, false, no host",
    "https://s3cret@sink.example/, false, a user",
    "https://sink.example/#s3cret, false, a fragment",
    "https://sink.example:0/s3cret, false, port",
    "https://sink.example:70000/s3cret, false, port",
    "'https://sink example/s3cret', false, no URL",
    "'https://sink.example/\n s3cret', false, no URL"
  })
  void of_anotherUrl_isRefusedWithoutTellingIt(String url, boolean allowHttp, String why) {
    assertThatThrownBy(() -> ActionSink.of(url, allowHttp))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(why)
        .hasMessageNotContaining("s3cret");
  }

  /** The specification's own example. */
  @Test
  void sign_exampleOfTheSpecification_givesItsSignature() {
    WebhookSecrets secrets = WebhookSecrets.of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    byte[] body = "{\"test\": 2432232314}".getBytes(StandardCharsets.UTF_8);
    assertThat(secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body))
        .isEqualTo("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  }

  @Test
  void sign_twoSecrets_givesASignatureOfEach() {
    String one = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    String two = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    String both = WebhookSecrets.of(two + " " + one).sign("id", 1, new byte[] {7});
    assertThat(both)
        .isEqualTo(
            WebhookSecrets.of(two).sign("id", 1, new byte[] {7})
                + " "
                + WebhookSecrets.of(one).sign("id", 1, new byte[] {7}));
  }

  @ParameterizedTest
  @CsvSource({
    "s3cret, does not begin",
    "whsec_s3cret!, not base64",
    "whsec_c2hvcnQ=, has 5 bytes",
    "'', does not begin"
  })
  void secrets_anotherText_isRefusedWithoutTellingIt(String text, String why) {
    assertThatThrownBy(() -> WebhookSecrets.of(text))
        .hasMessageContaining(why)
        .hasMessageNotContaining("s3cret");
  }
}
