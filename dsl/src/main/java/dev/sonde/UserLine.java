package dev.sonde;

import java.lang.StackWalker.StackFrame;
import java.util.Set;

/** Finds the user's line that is being executed: the first frame that is not the language's own. */
final class UserLine {
    private static final StackWalker WALKER = StackWalker.getInstance();
    private static final Set<String> OWN = Set.of("dev.sonde.methods.", "dev.sonde.graph.", "java.", "jdk.");

    private final StackFrame frame;

    private UserLine(StackFrame frame) {
        this.frame = frame;
    }

    static UserLine here() {
        return new UserLine(WALKER.walk(frames -> frames.filter(UserLine::isUsers)
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("no user code on the stack"))));
    }

    private static boolean isUsers(StackFrame frame) {
        String name = frame.getClassName();
        boolean language = name.startsWith("dev.sonde.") && name.indexOf('.', "dev.sonde.".length()) < 0;
        return !(language && !name.contains("Test")) && OWN.stream().noneMatch(name::startsWith);
    }

    /** Returns {@code File.java:12}. */
    @Override
    public String toString() {
        return frame.getFileName() + ":" + frame.getLineNumber();
    }
}
