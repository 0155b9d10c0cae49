package io.apgms.ml.gateway;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** The conformance suite of HTTP/2 as a process of its own, over TLS and with its strict cases. */
final class H2Spec {
  private H2Spec() {}

  /**
   * What one server did.
   *
   * @param cases how many were tried
   * @param failed their section and what they do
   */
  record Report(int cases, Set<String> failed) {}

  static Report run(Path h2spec, int port, String path, Path to) throws Exception {
    Process suite =
        new ProcessBuilder(
                h2spec.toString(),
                "-t",
                "-k",
                "--strict",
                "-p",
                Integer.toString(port),
                "-P",
                path,
                "-j",
                to.toString())
            .redirectErrorStream(true)
            .redirectOutput(Redirect.DISCARD)
            .start();
    if (!suite.waitFor(120, TimeUnit.SECONDS)) {
      suite.destroyForcibly();
      throw new IOException("h2spec did not end within 120 s");
    }
    return read(to);
  }

  private static Report read(Path junit) throws Exception {
    try (var in = Files.newInputStream(junit)) {
      NodeList cases =
          DocumentBuilderFactory.newInstance()
              .newDocumentBuilder()
              .parse(in)
              .getElementsByTagName("testcase");
      Set<String> failed = new TreeSet<>();
      for (int i = 0; i < cases.getLength(); i++) {
        Element one = (Element) cases.item(i);
        boolean bad =
            one.getElementsByTagName("failure").getLength() > 0
                || one.getElementsByTagName("error").getLength() > 0;
        if (bad) {
          failed.add(one.getAttribute("package") + ": " + one.getAttribute("classname"));
        }
      }
      return new Report(cases.getLength(), failed);
    }
  }
}
