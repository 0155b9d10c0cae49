package io.apgms.ml.flags;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpResponse.BodySubscriber;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Unleash's client API (docs.getunleash.io, "Client features", "Client metrics"). A whole call,
 * from connecting to the last byte of its answer, is bounded in time, and the answer in size; no
 * redirect is followed.
 */
final class UnleashApi implements FlagFetch {
  /** Largest document of flags that is read, in bytes. */
  static final int MAX_BYTES = FlagFile.MAX_BYTES;

  private final URI api;
  private final String token;
  private final Duration timeout;
  private final HttpClient client;

  /**
   * @param api as of {@link UnleashUrl#api}
   * @param timeout of a whole call
   */
  UnleashApi(URI api, String token, Duration timeout) {
    this.api = api;
    this.token = token;
    this.timeout = timeout;
    this.client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(timeout)
            .followRedirects(HttpClient.Redirect.NEVER)
            .build();
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(api + path))
        .timeout(timeout)
        .header("Authorization", token);
  }

  @Override
  public Answer fetch(@Nullable String etag) throws IOException, InterruptedException {
    HttpRequest.Builder request =
        request("/client/features?namePrefix=" + FlagSnapshot.FLAG)
            .header("Accept", "application/json");
    if (etag != null) {
      request.header("If-None-Match", etag);
    }
    CompletableFuture<HttpResponse<byte[]>> call =
        client.sendAsync(request.build(), head -> new Bounded());
    try {
      HttpResponse<byte[]> answer = call.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
      return new Answer(
          answer.statusCode(),
          answer.headers().firstValue("Content-Type").orElse(""),
          answer.headers().firstValue("ETag").orElse(null),
          answer.body());
    } catch (TimeoutException e) {
      call.cancel(true); // closes the connection
      throw new IOException("no whole answer in " + timeout.toMillis() + " ms", e);
    } catch (ExecutionException e) {
      throw new IOException(String.valueOf(e.getCause()), e);
    }
  }

  /** Sends JSON; the status of the answer, whose body is passed over. */
  CompletableFuture<Integer> post(String path, byte[] json) {
    HttpRequest request =
        request(path)
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofByteArray(json))
            .build();
    CompletableFuture<HttpResponse<Void>> call =
        client.sendAsync(request, BodyHandlers.discarding());
    return call.thenApply(HttpResponse::statusCode)
        .orTimeout(timeout.toMillis(), TimeUnit.MILLISECONDS)
        .whenComplete(
            (status, failure) -> {
              if (failure != null) {
                call.cancel(true); // closes the connection
              }
            });
  }

  /** The bytes of a body, as long as they are not too many: then the connection is closed. */
  private static final class Bounded implements BodySubscriber<byte[]> {
    private final CompletableFuture<byte[]> body = new CompletableFuture<>();
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private Flow.@Nullable Subscription from;

    @Override
    public CompletionStage<byte[]> getBody() {
      return body;
    }

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      from = subscription;
      subscription.request(Long.MAX_VALUE);
    }

    @Override
    public void onNext(List<ByteBuffer> parts) {
      for (ByteBuffer part : parts) {
        if (bytes.size() + part.remaining() > MAX_BYTES) {
          if (from != null) {
            from.cancel();
          }
          body.completeExceptionally(new IOException("over " + MAX_BYTES + " bytes"));
          return;
        }
        byte[] copy = new byte[part.remaining()];
        part.get(copy);
        bytes.writeBytes(copy);
      }
    }

    @Override
    public void onError(Throwable failure) {
      body.completeExceptionally(failure);
    }

    @Override
    public void onComplete() {
      body.complete(bytes.toByteArray());
    }
  }
}
