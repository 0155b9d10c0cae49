package io.apgms.ml.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Refusals that name where: both doors say it with one JSON Pointer. */
class StrictJsonTest {
  private static final String LONG = "1".repeat(65);
  private static final String KEY = "k".repeat(129);

  private static Problem refused(Consumer<byte[]> door, String body) {
    try {
      door.accept(body.getBytes(StandardCharsets.UTF_8));
    } catch (Problem problem) {
      return problem;
    }
    throw new AssertionError("taken: " + body);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "{'a':{'b':[0,LONG]}}|400|/a/b/1|at most 64 characters",
        "{'a':{'KEY':1}}|400|/a|at most 128 characters",
        "{'KEY':1}|400||at most 128 characters",
        "{'a/b':'\\u0000'}|400|/a~1b|expected Unicode text",
        "{'a':['x','\\ud800']}|400|/a/1|expected Unicode text",
        "{'metadata':{'n':1e999999}}|422|/metadata/n|IEEE 754",
        "{'metadata':[-1e400]}|422|/metadata/0|IEEE 754"
      })
  void object_refused_namesTheField(String body, int status, String pointer, String detail) {
    assertNamed(refused(StrictJson::object, json(body)), status, pointer, detail);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "{'modelId':'m','inputs':{'ratio':LONG}}|400|/inputs/ratio|at most 64 characters",
        "{'modelId':'m','inputs':{'KEY':1}}|400|/inputs|at most 128 characters",
        "{'entityId':'a\\u0000'}|400|/entityId|expected Unicode text",
        "{'groups':{'sex':'\\udc00'}}|400|/groups/sex|expected Unicode text",
        "{'groups':{'a':'1','a':'2'}}|400|/groups|stands twice",
        "{'modelId':'m','inputs':{'ratio':1,'ratio':1}}|400|/inputs/ratio|stands twice",
        "{'modelId':'m','modelId':'m'}|400|/modelId|stands twice"
      })
  void read_refused_namesTheField(String body, int status, String pointer, String detail) {
    assertNamed(refused(JsonCorpus.reader()::read, json(body)), status, pointer, detail);
  }

  private static String json(String body) {
    return body.replace('\'', '"').replace("LONG", LONG).replace("KEY", KEY);
  }

  private static void assertNamed(Problem problem, int status, String pointer, String detail) {
    assertThat(problem.status()).isEqualTo(status);
    assertThat(problem.errors()).hasSize(1);
    assertThat(problem.errors().get(0).pointer()).isEqualTo(pointer == null ? "" : pointer);
    assertThat(problem.errors().get(0).detail()).contains(detail);
  }

  @Test
  void of_aNumberFormatException_isOursUnlessTheCodecThrewIt() {
    NumberFormatException ours = new NumberFormatException("x");
    assertThat(ErrorTable.of(ours).status()).isEqualTo(500);
    NumberFormatException parsed = null;
    try {
      Integer.parseInt("x");
    } catch (NumberFormatException e) {
      parsed = e;
    }
    assertThat(ErrorTable.of(parsed).status()).isEqualTo(500);
    NumberFormatException codec = new NumberFormatException("x");
    StackTraceElement java = new StackTraceElement("java.lang.Integer", "parseInt", null, 1);
    StackTraceElement netty =
        new StackTraceElement("io.netty.handler.codec.http.HttpObjectDecoder", "size", null, 1);
    codec.setStackTrace(new StackTraceElement[] {java, netty});
    assertThat(ErrorTable.of(codec).status()).isEqualTo(400);
  }
}
