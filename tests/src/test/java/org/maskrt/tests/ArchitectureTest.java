package org.maskrt.tests;

import static com.tngtech.archunit.core.domain.JavaModifier.ABSTRACT;
import static com.tngtech.archunit.core.domain.JavaModifier.FINAL;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noFields;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.ndarray.types.DataType;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.maskrt.models.broken.Broken;

/** The arrows between modules (there is no cycle among them), and habits that the compiler does not hold. */
class ArchitectureTest {
    /** The modules that each module may use; {@code cli} may use them all. */
    private static final Map<String, Set<String>> ARROWS = Map.of(
            "models", Set.of(),
            "trainer", Set.of("models"),
            "exporter", Set.of("models", "calibration"),
            "calibration", Set.of("models"),
            "runtime", Set.of("models"),
            "perf", Set.of("models", "trainer", "exporter", "runtime"));

    private static final ImportOption MAIN_CODE =
            location -> !location.contains("/test-classes/") && !location.contains("-tests.jar");

    private static JavaClasses project;

    @BeforeAll
    static void readClasses() {
        project = new ClassFileImporter().withImportOption(MAIN_CODE).importPackages("org.maskrt");
    }

    static Stream<ArchRule> arrows() {
        return ARROWS.keySet().stream().sorted().map(ArchitectureTest::arrow);
    }

    private static ArchRule arrow(String module) {
        String[] forbidden = Stream.concat(ARROWS.keySet().stream(), Stream.of("cli"))
                .filter(other -> !other.equals(module) && !ARROWS.get(module).contains(other))
                .map(other -> "org.maskrt." + other + "..")
                .toArray(String[]::new);
        return noClasses()
                .that()
                .resideInAPackage("org.maskrt." + module + "..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(forbidden);
    }

    static Stream<ArchRule> habits() {
        return Stream.of(
                classes()
                        .that()
                        .resideInAPackage("org.maskrt.models..")
                        .should()
                        .onlyDependOnClassesThat()
                        .resideInAnyPackage(
                                "org.maskrt.models..",
                                "java..",
                                "javax..",
                                "org.w3c.dom..",
                                "com.fasterxml.jackson..",
                                "org.jspecify..")
                        .because("what a model is needs the JDK and Jackson only"),
                noClasses()
                        .should()
                        .accessField(DataType.class, "BFLOAT16")
                        .because("a cast to bfloat16 aborts the whole JVM in DJL's PyTorch engine"),
                classes()
                        .that()
                        .areNotInterfaces()
                        .and()
                        .areNotEnums()
                        .and()
                        .areNotAnonymousClasses()
                        .should()
                        .haveModifier(FINAL)
                        .orShould()
                        .haveModifier(ABSTRACT)
                        .because("a class is abstract or final"),
                fields().that().areStatic().should().beFinal().because("nothing is global and changes"),
                noFields().should().haveRawType(Optional.class).because("an optional field is a @Nullable one"),
                noClasses()
                        .that()
                        .resideOutsideOfPackage("org.maskrt.cli..")
                        .should(ACCESS_STANDARD_STREAMS)
                        .because("a library does not print"),
                noClasses()
                        .that()
                        .resideOutsideOfPackage("org.maskrt.cli..")
                        .should()
                        .callMethod(System.class, "exit", int.class)
                        .because("a library does not end the process"));
    }

    @ParameterizedTest
    @MethodSource("arrows")
    void modulesKeepTheirArrows(ArchRule rule) {
        rule.allowEmptyShould(true).check(project);
    }

    @ParameterizedTest
    @MethodSource("habits")
    void projectKeepsItsHabits(ArchRule rule) {
        rule.check(project);
    }

    static Stream<ArchRule> rules() {
        return Stream.concat(Stream.of(arrow("models")), habits());
    }

    @ParameterizedTest
    @MethodSource("rules")
    void aBrokenRuleFails(ArchRule rule) {
        JavaClasses classes = new ClassFileImporter().importClasses(Broken.class);
        assertThrows(AssertionError.class, () -> rule.check(classes));
    }
}
