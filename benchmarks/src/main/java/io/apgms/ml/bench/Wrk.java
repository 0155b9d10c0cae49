package io.apgms.ml.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** One run of wrk: a closed loop of so many connections over a list of bodies in turn. */
final class Wrk {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String MARK = "RESULT ";

  private final Path script;

  private Wrk(Path script) {
    this.script = script;
  }

  /** What one run showed; latencies in microseconds. */
  record Run(long requests, double perSecond, double p50, double p99, long failures) {}

  /** Posts JSON bodies to {@code /ml/score}. */
  static Wrk of(Path dir, List<String> bodies) throws IOException {
    StringBuilder lua = new StringBuilder("local bodies = {\n");
    for (String body : bodies) {
      lua.append("  [==[").append(body).append("]==],\n");
    }
    lua.append("}\nlocal requests, i = {}, 0\n")
        .append("init = function(args)\n")
        .append("  local headers = {['Content-Type'] = 'application/json'}\n")
        .append("  for n, body in ipairs(bodies) do\n")
        .append("    requests[n] = wrk.format('POST', '/ml/score', headers, body)\n")
        .append("  end\nend\n");
    return write(dir.resolve("load.lua"), lua);
  }

  /** Posts the bytes of one file, of which so many are the JSON of an inference request. */
  static Wrk ofBatch(Path body, int jsonBytes, String path) throws IOException {
    StringBuilder lua =
        new StringBuilder("local file = io.open('" + body + "', 'rb')\n")
            .append("local body = file:read('*a')\nfile:close()\nlocal requests, i = {}, 0\n")
            .append("init = function(args)\n")
            .append("  local headers = {['Inference-Header-Content-Length'] = '")
            .append(jsonBytes)
            .append("'}\n  requests[1] = wrk.format('POST', '")
            .append(path)
            .append("', headers, body)\nend\n");
    return write(body.resolveSibling("batch.lua"), lua);
  }

  private static Wrk write(Path script, StringBuilder lua) throws IOException {
    lua.append("request = function() i = i % #requests + 1; return requests[i] end\n")
        .append("done = function(summary, latency, rates)\n")
        .append("  local e = summary.errors\n")
        .append("  io.write(string.format('")
        .append(MARK)
        .append("{\"requests\":%d,\"micros\":%d,\"p50\":%d,\"p99\":%d,\"failures\":%d}\\n',\n")
        .append("    summary.requests, summary.duration, latency:percentile(50),\n")
        .append("    latency:percentile(99),\n")
        .append("    e.connect + e.read + e.write + e.status + e.timeout))\nend\n");
    Files.writeString(script, lua);
    return new Wrk(script);
  }

  Run run(int port, int connections, int seconds) throws IOException, InterruptedException {
    Process wrk =
        new ProcessBuilder(
                "wrk",
                "-t1",
                "-c" + connections,
                "-d" + seconds + "s",
                "--timeout",
                "10s",
                "-s",
                script.toString(),
                "http://127.0.0.1:" + port)
            .redirectErrorStream(true)
            .start();
    String out = new String(wrk.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    int exit = wrk.waitFor();
    int at = out.indexOf(MARK);
    if (exit != 0 || at < 0) {
      throw new IOException("wrk ended with " + exit + ": " + out);
    }
    JsonNode r = JSON.readTree(out.substring(at + MARK.length()));
    long requests = r.path("requests").asLong();
    return new Run(
        requests,
        requests * 1e6 / r.path("micros").asLong(),
        r.path("p50").asDouble(),
        r.path("p99").asDouble(),
        r.path("failures").asLong());
  }
}
