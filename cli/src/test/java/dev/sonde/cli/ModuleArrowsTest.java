package dev.sonde.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** The arrows between modules point one way: everything stands on the language, and the parts do not know each other. */
class ModuleArrowsTest {
    private static final String[] LANGUAGE = {
        "dev.sonde",
        "dev.sonde.chat..",
        "dev.sonde.data..",
        "dev.sonde.graph..",
        "dev.sonde.kind..",
        "dev.sonde.manifest..",
        "dev.sonde.spi..",
        "dev.sonde.training.."
    };
    private static final String METHODS = "dev.sonde.methods..";
    private static final String PROCESSOR = "dev.sonde.processor..";
    private static final String RUNNER = "dev.sonde.runner..";
    private static final String ENGINE = "dev.sonde.onnx..";
    private static final String PROTOCOL = "dev.sonde.remote.protocol..";
    private static final String CLIENT = "dev.sonde.remote.client..";
    private static final String SERVER = "dev.sonde.remote.server..";
    private static final String CLI = "dev.sonde.cli..";

    private final JavaClasses sonde = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.sonde");

    @Test
    void theLanguageKnowsNothingButGson() {
        classes()
                .that()
                .resideInAnyPackage(LANGUAGE)
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage(and(LANGUAGE, "java..", "com.google.gson..", "org.jspecify.."))
                .check(sonde);
    }

    @Test
    void methodsKnowTheLanguageOnly() {
        apart(METHODS, PROCESSOR, RUNNER, ENGINE, "dev.sonde.remote..", CLI);
    }

    @Test
    void theProcessorKnowsTheLanguageOnly() {
        apart(PROCESSOR, METHODS, RUNNER, ENGINE, "dev.sonde.remote..", CLI);
    }

    @Test
    void theRunnerKnowsTheLanguageOnly() {
        apart(RUNNER, METHODS, PROCESSOR, ENGINE, "dev.sonde.remote..", CLI);
    }

    @Test
    void theEngineKnowsTheLanguageOnly() {
        apart(ENGINE, METHODS, PROCESSOR, RUNNER, "dev.sonde.remote..", CLI);
    }

    @Test
    void clientAndServerMeetInTheProtocolAndKnowNoEngine() {
        apart(PROTOCOL, METHODS, PROCESSOR, RUNNER, ENGINE, CLIENT, SERVER, CLI);
        apart(CLIENT, METHODS, PROCESSOR, RUNNER, ENGINE, SERVER, CLI);
        apart(SERVER, METHODS, PROCESSOR, RUNNER, ENGINE, CLIENT, CLI);
    }

    @Test
    void conformanceUsesThePublicInterfaceOnly() {
        noClasses()
                .that()
                .resideInAPackage("dev.sonde.cli.conformance..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(METHODS, PROCESSOR, RUNNER, ENGINE, "dev.sonde.remote..", "dev.sonde.cli")
                .check(sonde);
        classes()
                .that()
                .resideInAPackage("dev.sonde.cli.conformance..")
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage(
                        and(LANGUAGE, "dev.sonde.cli.conformance..", "java..", "com.google.gson..", "org.jspecify.."))
                .check(sonde);
    }

    private void apart(String one, String... others) {
        noClasses()
                .that()
                .resideInAPackage(one)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(others)
                .check(sonde);
    }

    private static String[] and(String[] some, String... more) {
        String[] all = java.util.Arrays.copyOf(some, some.length + more.length);
        System.arraycopy(more, 0, all, some.length, more.length);
        return all;
    }
}
