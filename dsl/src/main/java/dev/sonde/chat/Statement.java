package dev.sonde.chat;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a template does. */
sealed interface Statement {
    /** Writes a text as it is. */
    record Text(String text) implements Statement {}

    /** Writes a value. */
    record Print(Expression value) implements Statement {}

    /** Does the first part whose condition holds. */
    record If(List<Expression> conditions, List<List<Statement>> bodies, List<Statement> otherwise)
            implements Statement {}

    /** Does the body for every item. */
    record For(
            List<String> names,
            Expression items,
            @Nullable Expression filter,
            List<Statement> body,
            List<Statement> otherwise)
            implements Statement {}

    /** Gives a value to names, or to a part of a namespace. */
    record Let(List<Expression> targets, Expression value) implements Statement {}

    /** Gives what the body writes to a name. */
    record LetBlock(String name, List<Statement> body) implements Statement {}

    /** Names a body that can be called. */
    record Macro(String name, List<String> parameters, Map<String, Expression> defaults, List<Statement> body)
            implements Statement {}

    /** Ends a loop, or its present turn. */
    record Leave(boolean loop) implements Statement {}
}
