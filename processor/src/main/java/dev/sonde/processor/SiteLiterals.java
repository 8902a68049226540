package dev.sonde.processor;

import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.ExpressionTree;
import com.sun.source.tree.LiteralTree;
import com.sun.source.tree.MemberSelectTree;
import com.sun.source.tree.MethodInvocationTree;
import com.sun.source.util.TreePath;
import com.sun.source.util.TreePathScanner;
import com.sun.source.util.Trees;
import dev.sonde.SondeException;
import dev.sonde.manifest.ModelManifest;
import javax.annotation.processing.ProcessingEnvironment;
import javax.lang.model.element.TypeElement;
import javax.tools.Diagnostic;
import org.jspecify.annotations.Nullable;

/**
 * Holds site names that an experiment writes as texts to its model's manifest, and points javac at those that are not there.
 * Texts without {@code #} may be keys of anything and are left to the recording.
 */
final class SiteLiterals extends TreePathScanner<@Nullable Void, @Nullable Void> {
    private final Trees trees;
    private final ModelManifest manifest;
    private boolean clean = true;

    private SiteLiterals(Trees trees, ModelManifest manifest) {
        this.trees = trees;
        this.manifest = manifest;
    }

    /** Returns whether all names are there; compilers without syntax trees are not asked. */
    static boolean check(ProcessingEnvironment environment, TypeElement experiment, ModelManifest manifest) {
        Trees trees;
        try {
            trees = Trees.instance(environment);
        } catch (IllegalArgumentException e) {
            return true; // not javac: mistakes show when the experiment is recorded
        }
        TreePath path = trees.getPath(experiment);
        SiteLiterals literals = new SiteLiterals(trees, manifest);
        if (path != null) {
            literals.scan(path, null);
        }
        return literals.clean;
    }

    @Override
    public @Nullable Void visitMethodInvocation(MethodInvocationTree call, @Nullable Void unused) {
        if (call.getMethodSelect() instanceof MemberSelectTree method
                && !call.getArguments().isEmpty()
                && call.getArguments().get(0) instanceof LiteralTree literal
                && literal.getValue() instanceof String name) {
            String called = method.getIdentifier().toString();
            boolean site = (called.equals("get") || called.equals("site") || called.equals("of")) && name.contains("#");
            boolean module = called.equals("skip")
                    || (called.equals("call") && call.getArguments().size() == 2);
            check(name, site, module, call.getArguments().get(0));
        }
        return super.visitMethodInvocation(call, null);
    }

    private void check(String name, boolean site, boolean module, ExpressionTree where) {
        try {
            if (site) {
                manifest.site(name);
            } else if (module) {
                manifest.module(name);
            }
        } catch (SondeException e) {
            clean = false;
            CompilationUnitTree file = getCurrentPath().getCompilationUnit();
            trees.printMessage(
                    Diagnostic.Kind.ERROR,
                    "[" + e.code() + "] " + e.problem() + "\n  See docs/errors.md#" + e.code(),
                    where,
                    file);
        }
    }
}
