package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;
import com.tngtech.archunit.library.Architectures;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import io.apgms.ml.flags.planted.SeesTheGateway;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.drift.planted.SeesVertx;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The directions between the rooms, as docs/ARCHITECTURE.md draws them. */
class ArchitectureTest {
  private static final JavaClasses HOUSE =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.apgms.ml");

  private static final ArchRule MODULES =
      Architectures.layeredArchitecture()
          .consideringOnlyDependenciesInAnyPackage("io.apgms.ml..")
          .layer("flags")
          .definedBy("io.apgms.ml.flags..")
          .layer("registry")
          .definedBy("io.apgms.ml.registry..")
          .layer("scoring")
          .definedBy("io.apgms.ml.scoring..")
          .layer("feedback")
          .definedBy("io.apgms.ml.feedback..")
          .layer("training")
          .definedBy("io.apgms.ml.training..")
          .layer("gateway")
          .definedBy("io.apgms.ml.gateway..")
          .whereLayer("gateway")
          .mayNotBeAccessedByAnyLayer()
          .whereLayer("training")
          .mayOnlyBeAccessedByLayers("gateway")
          .whereLayer("flags")
          .mayOnlyBeAccessedByLayers("gateway")
          .whereLayer("feedback")
          .mayOnlyBeAccessedByLayers("gateway")
          .whereLayer("scoring")
          .mayOnlyBeAccessedByLayers("gateway", "training")
          .whereLayer("registry")
          .mayOnlyBeAccessedByLayers("gateway", "training", "scoring");

  private static final ArchRule FLAGS_WITHOUT_VERTX =
      ArchRuleDefinition.noClasses()
          .that()
          .resideInAPackage("io.apgms.ml.flags..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("io.vertx..");

  /** Counts in, figures out: no loop, no table, no clock. */
  private static final ArchRule DRIFT_IS_PURE =
      ArchRuleDefinition.noClasses()
          .that()
          .resideInAPackage("io.apgms.ml.registry.drift..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.vertx..", "java.sql..", "java.time..", "java.util.concurrent..");

  private static final ArchRule NO_CYCLES =
      SlicesRuleDefinition.slices().matching("io.apgms.ml.(*)..").should().beFreeOfCycles();

  private static final ArchRule EDGE_LAST =
      ArchRuleDefinition.noClasses()
          .that()
          .resideInAPackage("io.apgms.ml.gateway.decision..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "io.apgms.ml.gateway.http..",
              "io.apgms.ml.gateway.admin..",
              "io.apgms.ml.gateway.cli..",
              "io.vertx.ext.web..");

  /** What leaves with a trace is decided in one place. */
  private static final ArchRule SPANS_IN_ONE_PLACE =
      ArchRuleDefinition.noClasses()
          .that()
          .resideOutsideOfPackage("io.apgms.ml.gateway.trace..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("io.opentelemetry..");

  /** Only what packages and signs may load what nobody vouches for. */
  private static final ArchRule SIGNED_ONLY =
      ArchRuleDefinition.noClasses()
          .that()
          .resideInAnyPackage("io.apgms.ml.gateway..", "io.apgms.ml.scoring..")
          .should()
          .callMethod(ArtifactStore.class, "withoutSignatures", Path.class);

  @Test
  void house_asItStands_keepsItsDirections() {
    assertThat(HOUSE.size()).isGreaterThan(100);
    MODULES.check(HOUSE);
    FLAGS_WITHOUT_VERTX.check(HOUSE);
    DRIFT_IS_PURE.check(HOUSE);
    NO_CYCLES.check(HOUSE);
    EDGE_LAST.check(HOUSE);
    SIGNED_ONLY.check(HOUSE);
    SPANS_IN_ONE_PLACE.check(HOUSE);
  }

  /** The planted violation. */
  static final class SaysMore {
    static void say(io.opentelemetry.api.trace.Span span, String entityId) {
      span.setAttribute("entity", entityId);
    }
  }

  @Test
  void spans_madeElsewhere_areRefused() {
    JavaClasses planted = new ClassFileImporter().importClasses(SaysMore.class);
    assertThatThrownBy(() -> SPANS_IN_ONE_PLACE.check(planted))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("SaysMore");
  }

  @Test
  void drift_thatSeesVertx_isRefused() {
    JavaClasses planted = new ClassFileImporter().importClasses(SeesVertx.class);
    assertThatThrownBy(() -> DRIFT_IS_PURE.check(planted))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("SeesVertx");
  }

  /** The planted violation. */
  static final class LoadsUnsigned {
    static ArtifactStore store(Path root) {
      return ArtifactStore.withoutSignatures(root);
    }
  }

  @Test
  void house_thatLoadsWithoutSignatures_isRefused() {
    JavaClasses planted = new ClassFileImporter().importClasses(LoadsUnsigned.class);
    assertThatThrownBy(() -> SIGNED_ONLY.check(planted))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("withoutSignatures");
  }

  @Test
  void house_withAPlantedViolation_isRefused() {
    JavaClasses planted =
        new ClassFileImporter()
            .importClasses(SeesTheGateway.class, io.apgms.ml.gateway.settings.Settings.Http.class);
    ArchRule rule = ((Architectures.LayeredArchitecture) MODULES).withOptionalLayers(true);
    assertThatThrownBy(() -> rule.check(planted))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("SeesTheGateway");
  }
}
