package dev.sonde.chat;

import dev.sonde.chat.Values.Function;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Does what a template says, and writes its text. */
final class Rendering {
    private final Effort effort = new Effort();
    private final Evaluator evaluator = new Evaluator(effort);
    private StringBuilder out = new StringBuilder();

    /** How a body ended. */
    private enum End {
        DONE,
        CONTINUE,
        BREAK
    }

    static String text(List<Statement> body, Map<String, @Nullable Object> given) {
        Rendering rendering = new Rendering();
        Scope scope = new Scope(null);
        Globals.into(scope, rendering.effort);
        given.forEach(scope::set);
        rendering.run(body, scope);
        return rendering.out.toString();
    }

    private End run(List<Statement> body, Scope scope) {
        for (Statement statement : body) {
            End end = effort.within(() -> run(statement, scope));
            if (end != End.DONE) {
                return end;
            }
        }
        return End.DONE;
    }

    private End run(Statement statement, Scope scope) {
        if (statement instanceof Statement.Text text) {
            write(text.text());
        } else if (statement instanceof Statement.Print print) {
            write(Values.text(evaluator.value(print.value(), scope)));
        } else if (statement instanceof Statement.If condition) {
            return run(chosen(condition, scope), scope);
        } else if (statement instanceof Statement.For loop) {
            loop(loop, scope);
        } else if (statement instanceof Statement.Let let) {
            let(let, evaluator.value(let.value(), scope), scope);
        } else if (statement instanceof Statement.LetBlock let) {
            scope.set(let.name(), written(let.body(), new Scope(scope)));
        } else if (statement instanceof Statement.Macro macro) {
            scope.set(macro.name(), (Function) (plain, named) -> call(macro, plain, named, scope));
        } else if (statement instanceof Statement.Leave leave) {
            return leave.loop() ? End.BREAK : End.CONTINUE;
        }
        return End.DONE;
    }

    private void write(String text) {
        effort.size((long) out.length() + text.length());
        out.append(text);
    }

    private List<Statement> chosen(Statement.If condition, Scope scope) {
        for (int i = 0; i < condition.conditions().size(); i++) {
            if (Values.isTrue(evaluator.value(condition.conditions().get(i), scope))) {
                return condition.bodies().get(i);
            }
        }
        return condition.otherwise();
    }

    private void loop(Statement.For loop, Scope scope) {
        List<@Nullable Object> items = new ArrayList<>();
        for (Object item : Values.items(evaluator.value(loop.items(), scope))) {
            Scope own = new Scope(scope);
            unpack(loop.names(), item, own);
            if (loop.filter() == null || Values.isTrue(evaluator.value(loop.filter(), own))) {
                items.add(item);
            }
        }
        for (int i = 0; i < items.size(); i++) {
            Scope own = new Scope(scope);
            own.set("loop", place(items, i));
            unpack(loop.names(), items.get(i), own);
            if (run(loop.body(), own) == End.BREAK) {
                break;
            }
        }
        if (items.isEmpty()) {
            run(loop.otherwise(), scope);
        }
    }

    private static Map<String, @Nullable Object> place(List<@Nullable Object> items, int i) {
        Map<String, @Nullable Object> place = new LinkedHashMap<>();
        int last = items.size() - 1;
        place.put("index", i + 1L);
        place.put("index0", (long) i);
        place.put("revindex", (long) last - i + 1);
        place.put("revindex0", (long) last - i);
        place.put("first", i == 0);
        place.put("last", i == last);
        place.put("length", (long) items.size());
        place.put("previtem", i == 0 ? new Undefined("previtem") : items.get(i - 1));
        place.put("nextitem", i == last ? new Undefined("nextitem") : items.get(i + 1));
        Function cycle = (plain, named) -> plain.get(i % plain.size());
        place.put("cycle", cycle);
        return place;
    }

    private static void unpack(List<String> names, @Nullable Object item, Scope scope) {
        if (names.size() == 1) {
            scope.set(names.get(0), item);
            return;
        }
        List<@Nullable Object> parts = Values.items(item);
        if (parts.size() != names.size()) {
            throw ChatTemplate.bad(0, parts.size() + " values do not go with the names " + names);
        }
        for (int i = 0; i < parts.size(); i++) {
            scope.set(names.get(i), parts.get(i));
        }
    }

    private void let(Statement.Let let, @Nullable Object value, Scope scope) {
        List<@Nullable Object> parts = let.targets().size() == 1 ? new ArrayList<>() : Values.items(value);
        if (let.targets().size() == 1) {
            parts.add(value);
        }
        if (parts.size() != let.targets().size()) {
            throw ChatTemplate.bad(
                    0, parts.size() + " values are set to " + let.targets().size() + " names");
        }
        for (int i = 0; i < parts.size(); i++) {
            Expression target = let.targets().get(i);
            if (target instanceof Expression.Name name) {
                scope.set(name.name(), parts.get(i));
            } else if (target instanceof Expression.Attribute attribute
                    && evaluator.value(attribute.of(), scope) instanceof Globals.Namespace space) {
                space.put(attribute.name(), parts.get(i));
            } else {
                throw ChatTemplate.bad(0, "only parts of a namespace can be set");
            }
        }
    }

    private String written(List<Statement> body, Scope scope) {
        StringBuilder before = out;
        out = new StringBuilder();
        try {
            run(body, scope);
            return out.toString();
        } finally {
            out = before;
        }
    }

    private String call(
            Statement.Macro macro, List<@Nullable Object> plain, Map<String, @Nullable Object> named, Scope around) {
        Scope own = new Scope(around);
        List<String> parameters = macro.parameters();
        if (plain.size() > parameters.size() || !parameters.containsAll(named.keySet())) {
            throw ChatTemplate.bad(0, "macro '" + macro.name() + "' takes " + parameters);
        }
        for (int i = 0; i < parameters.size(); i++) {
            String name = parameters.get(i);
            Expression otherwise = macro.defaults().get(name);
            own.set(
                    name,
                    i < plain.size()
                            ? plain.get(i)
                            : named.containsKey(name)
                                    ? named.get(name)
                                    : otherwise == null ? new Undefined(name) : evaluator.value(otherwise, own));
        }
        return written(macro.body(), own);
    }
}
