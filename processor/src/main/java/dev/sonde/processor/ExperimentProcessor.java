package dev.sonde.processor;

import com.google.auto.service.AutoService;
import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.JavaFile;
import dev.sonde.Experiment;
import dev.sonde.SondeException;
import dev.sonde.manifest.ModelManifest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import javax.annotation.processing.AbstractProcessor;
import javax.annotation.processing.Processor;
import javax.annotation.processing.RoundEnvironment;
import javax.lang.model.SourceVersion;
import javax.lang.model.element.Element;
import javax.lang.model.element.TypeElement;
import javax.lang.model.util.ElementFilter;
import javax.tools.Diagnostic;
import org.jspecify.annotations.Nullable;

/** Reads annotated experiments, validates them, and writes what they stand for. */
@AutoService(Processor.class)
public final class ExperimentProcessor extends AbstractProcessor {
    private final List<String> deferred = new ArrayList<>();
    private final Set<ClassName> handles = new HashSet<>();

    @Override
    public Set<String> getSupportedAnnotationTypes() {
        return Set.of(Names.EXPERIMENT, Names.PARAM, Names.BODY);
    }

    @Override
    public Set<String> getSupportedOptions() {
        return Set.of(Manifests.OPTION);
    }

    @Override
    public SourceVersion getSupportedSourceVersion() {
        return SourceVersion.latestSupported();
    }

    @Override
    public boolean process(Set<? extends TypeElement> annotations, RoundEnvironment round) {
        Set<TypeElement> experiments = new LinkedHashSet<>();
        for (String name : deferred) {
            @Nullable TypeElement type = processingEnv.getElementUtils().getTypeElement(name);
            if (type != null) {
                experiments.add(type);
            }
        }
        deferred.clear();
        experiments.addAll(ElementFilter.typesIn(round.getElementsAnnotatedWith(Experiment.class)));
        Manifests manifests = new Manifests(processingEnv);
        ExperimentReader reader = new ExperimentReader(processingEnv.getElementUtils(), processingEnv.getTypeUtils());
        for (TypeElement type : experiments) {
            if (reader.isComplete(type)) {
                processOne(reader, manifests, type);
            } else {
                // javac itself names the types that no round brought.
                deferred.add(type.getQualifiedName().toString());
            }
        }
        return false;
    }

    private void processOne(ExperimentReader reader, Manifests manifests, TypeElement type) {
        ExperimentDescriptor experiment = reader.read(type);
        ValidationReport report = new ExperimentValidator().validate(experiment);
        report.printTo(processingEnv.getMessager());
        // Both, so that all mistakes show at once.
        boolean fits = experiment.model().isEmpty() || fits(experiment, manifests);
        if (report.isClean() && fits) {
            new ExperimentGenerator(experiment).generate().forEach(file -> write(file, type));
            if (isThere(Names.EXPERIMENT_SPEC.canonicalName())) {
                write(new RunnerGenerator(experiment).generate(), type);
            }
        }
    }

    /** Writes the handles of the experiment's model, and returns whether the names that it uses are there. */
    private boolean fits(ExperimentDescriptor experiment, Manifests manifests) {
        try {
            ModelManifest manifest = manifests.of(experiment.model());
            ClassName name = ClassName.get(experiment.type().packageName(), experiment.handles());
            if (SourceVersion.isName(experiment.handles()) && handles.add(name)) {
                write(new HandlesGenerator(manifest, name, experiment.where()).generate(), experiment.where());
            }
            return SiteLiterals.check(processingEnv, experiment.where(), manifest);
        } catch (SondeException e) {
            processingEnv
                    .getMessager()
                    .printMessage(
                            Diagnostic.Kind.ERROR,
                            "[" + e.code() + "] " + e.problem() + "\n  See docs/errors.md#" + e.code(),
                            experiment.where());
            return false;
        }
    }

    private boolean isThere(String type) {
        return processingEnv.getElementUtils().getTypeElement(type) != null;
    }

    private void write(JavaFile file, Element origin) {
        try {
            file.writeTo(processingEnv.getFiler());
        } catch (IOException e) {
            String name = file.packageName() + "." + file.typeSpec().name();
            processingEnv
                    .getMessager()
                    .printMessage(Diagnostic.Kind.ERROR, "Cannot write '" + name + "': " + e.getMessage(), origin);
        }
    }
}
