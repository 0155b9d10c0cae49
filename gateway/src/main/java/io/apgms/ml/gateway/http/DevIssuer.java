package io.apgms.ml.gateway.http;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.auth.JWTOptions;
import io.vertx.ext.auth.PubSecKeyOptions;
import io.vertx.ext.auth.authentication.TokenCredentials;
import io.vertx.ext.auth.jwt.JWTAuth;
import io.vertx.ext.auth.jwt.JWTAuthOptions;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The local issuer of development tokens: HMAC-SHA-256 with a key of the data folder. */
public final class DevIssuer implements TokenVerifier {
  private static final String ISSUER = "ml-service-dev";
  private static final String AUDIENCE = "ml-service";
  private static final int HOURS = 12;

  private final JWTAuth auth;

  private DevIssuer(JWTAuth auth) {
    this.auth = auth;
  }

  /** Opens the key of the data folder, making it on first use. Blocking. */
  public static DevIssuer open(Vertx vertx, Path dataDir) throws IOException {
    return new DevIssuer(
        JWTAuth.create(
            vertx,
            new JWTAuthOptions()
                .addPubSecKey(new PubSecKeyOptions().setAlgorithm("HS256").setBuffer(key(dataDir)))
                .setJWTOptions(new JWTOptions().setIssuer(ISSUER).setAudience(List.of(AUDIENCE)))));
  }

  private static String key(Path dataDir) throws IOException {
    Path file = dataDir.resolve("keys").resolve("dev-issuer.key");
    Files.createDirectories(dataDir.resolve("keys"));
    byte[] fresh = new byte[32];
    new SecureRandom().nextBytes(fresh);
    Path part =
        Files.createTempFile(
            dataDir.resolve("keys"),
            "dev-issuer",
            ".part",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      Files.writeString(part, Base64.getEncoder().encodeToString(fresh));
      Files.createLink(file, part); // the first one wins, whole
    } catch (FileAlreadyExistsException e) {
      // made before
    } finally {
      Files.delete(part);
    }
    return Files.readString(file).strip();
  }

  /** A token for twelve hours. */
  public String mint(String subject, @Nullable String tenant, List<String> roles) {
    JsonObject claims = new JsonObject().put("sub", subject).put("roles", new JsonArray(roles));
    if (tenant != null) {
      claims.put("tenant", tenant);
    }
    return auth.generateToken(
        claims,
        new JWTOptions()
            .setAlgorithm("HS256")
            .setIssuer(ISSUER)
            .addAudience(AUDIENCE)
            .setExpiresInMinutes(HOURS * 60));
  }

  @Override
  public Future<Caller> verify(String token) {
    return Future.<Caller>future(
            promise ->
                auth.authenticate(new TokenCredentials(token))
                    .<Caller>map(TokenVerifier::caller)
                    .onComplete(promise))
        .recover(e -> Future.failedFuture(TokenVerifier.refused()));
  }
}
