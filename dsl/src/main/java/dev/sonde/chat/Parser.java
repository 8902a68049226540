package dev.sonde.chat;

import dev.sonde.chat.Token.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Reads a template's statements. */
final class Parser {
    private static final int DEEPEST = 100;

    private final Tokens tokens;
    private final ExpressionParser expressions;
    private int depth;

    private Parser(List<Token> tokens) {
        this.tokens = new Tokens(tokens);
        this.expressions = new ExpressionParser(this.tokens);
    }

    static List<Statement> parse(String template) {
        return new Parser(Lexer.tokens(template)).body(Set.of());
    }

    /** Reads up to a statement that begins with one of these words, which it leaves there. */
    private List<Statement> body(Set<String> ends) {
        if (++depth > DEEPEST) {
            throw ChatTemplate.bad(tokens.line(), "it is nested too deeply");
        }
        List<Statement> body = new ArrayList<>();
        while (tokens.now().kind() != Kind.NOTHING) {
            if (tokens.skip(Kind.PRINT)) {
                body.add(new Statement.Print(expressions.withTuples()));
                tokens.end();
            } else if (tokens.now().kind() == Kind.TEXT) {
                body.add(new Statement.Text(tokens.next().text()));
            } else if (ends.contains(tokens.behind().text())) {
                depth--;
                return body;
            } else {
                tokens.next();
                statement(body);
            }
        }
        if (!ends.isEmpty()) {
            throw ChatTemplate.bad(tokens.line(), "one of " + ends + " is missing");
        }
        depth--;
        return body;
    }

    private void statement(List<Statement> body) {
        Token word = tokens.next();
        switch (word.text()) {
            case "if" -> body.add(ifs());
            case "for" -> body.add(loop());
            case "set" -> body.add(let());
            case "macro" -> body.add(macro());
            case "generation" -> {
                tokens.end();
                body.addAll(body(Set.of("endgeneration")));
                close();
            }
            case "break", "continue" -> {
                tokens.end();
                body.add(new Statement.Leave(word.text().equals("break")));
            }
            default ->
                throw ChatTemplate.bad(
                        word.line(),
                        "the statement '" + word.text()
                                + "' is not known: expected if, for, set, macro, generation, break or continue");
        }
    }

    private void close() {
        tokens.next();
        tokens.next();
        tokens.end();
    }

    private Statement ifs() {
        List<Expression> conditions = new ArrayList<>();
        List<List<Statement>> bodies = new ArrayList<>();
        List<Statement> otherwise = List.of();
        conditions.add(expressions.withTuples());
        tokens.end();
        bodies.add(body(Set.of("elif", "else", "endif")));
        while (!tokens.behind().text().equals("endif")) {
            tokens.next();
            boolean last = tokens.next().text().equals("else");
            if (!last) {
                conditions.add(expressions.withTuples());
            }
            tokens.end();
            List<Statement> branch = body(last ? Set.of("endif") : Set.of("elif", "else", "endif"));
            if (last) {
                otherwise = branch;
            } else {
                bodies.add(branch);
            }
        }
        close();
        return new Statement.If(conditions, bodies, otherwise);
    }

    private Statement loop() {
        List<String> names = new ArrayList<>();
        boolean brackets = tokens.skip("(");
        do {
            names.add(tokens.name());
        } while (tokens.skip(","));
        if (brackets) {
            tokens.sign(")");
        }
        tokens.word("in");
        Expression items = expressions.withoutChoice();
        Expression filter = tokens.skipWord("if") ? expressions.one() : null;
        if (tokens.skipWord("recursive")) {
            throw ChatTemplate.bad(tokens.line(), "recursive loops are not known");
        }
        tokens.end();
        List<Statement> body = body(Set.of("else", "endfor"));
        List<Statement> otherwise = List.of();
        if (tokens.behind().text().equals("else")) {
            close();
            otherwise = body(Set.of("endfor"));
        }
        close();
        return new Statement.For(names, items, filter, body, otherwise);
    }

    private Statement let() {
        List<Expression> targets = new ArrayList<>();
        do {
            String name = tokens.name();
            Expression target = new Expression.Name(name);
            targets.add(tokens.skip(".") ? new Expression.Attribute(target, tokens.name()) : target);
        } while (tokens.skip(","));
        if (tokens.skip("=")) {
            Expression value = expressions.withTuples();
            tokens.end();
            return new Statement.Let(targets, value);
        }
        tokens.end();
        List<Statement> body = body(Set.of("endset"));
        close();
        if (targets.size() != 1 || !(targets.get(0) instanceof Expression.Name name)) {
            throw ChatTemplate.bad(tokens.line(), "a block of 'set' gives its text to one name");
        }
        return new Statement.LetBlock(name.name(), body);
    }

    private Statement macro() {
        String name = tokens.name();
        tokens.sign("(");
        List<String> parameters = new ArrayList<>();
        Map<String, Expression> defaults = new LinkedHashMap<>();
        while (!tokens.skip(")")) {
            String parameter = tokens.name();
            parameters.add(parameter);
            if (tokens.skip("=")) {
                defaults.put(parameter, expressions.one());
            }
            tokens.skip(",");
        }
        tokens.end();
        List<Statement> body = body(Set.of("endmacro"));
        close();
        return new Statement.Macro(name, parameters, defaults, body);
    }
}
