package dev.sonde.chat;

import dev.sonde.chat.Token.Kind;
import java.util.ArrayList;
import java.util.List;

/**
 * Divides a template into tokens. As Hugging Face sets Jinja up, the line break behind a statement goes, and so do the blanks
 * before one that begins its line.
 */
final class Lexer {
    private static final List<String> LONG_SIGNS = List.of("//", "**", "==", "!=", "<=", ">=");
    private static final String SIGNS = "+-*/%~<>=()[]{}.,:|";

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int at;
    private int line = 1;
    private boolean trimNext;
    private boolean breakGoes;

    private Lexer(String source) {
        this.source = source;
    }

    static List<Token> tokens(String template) {
        String plain = template.replace("\r\n", "\n").replace('\r', '\n');
        return new Lexer(plain.endsWith("\n") ? plain.substring(0, plain.length() - 1) : plain).all();
    }

    private List<Token> all() {
        while (at < source.length()) {
            int open = nextOpen();
            text(open);
            if (open < source.length()) {
                at = open + 2;
                if (source.charAt(open + 1) == '#') {
                    comment();
                } else {
                    inside(source.charAt(open + 1) == '{');
                }
            }
        }
        tokens.add(new Token(Kind.NOTHING, "the end", line));
        return tokens;
    }

    private int nextOpen() {
        for (int i = at; i + 1 < source.length(); i++) {
            if (source.charAt(i) == '{' && "{%#".indexOf(source.charAt(i + 1)) >= 0) {
                return i;
            }
        }
        return source.length();
    }

    /** Takes the text up to {@code end}, without the blanks that the braces around it take away. */
    private void text(int end) {
        int from = at;
        int to = end;
        if (trimNext) {
            while (from < to && Character.isWhitespace(source.charAt(from))) {
                from++;
            }
        } else if (breakGoes && from < to && source.charAt(from) == '\n') {
            from++;
        }
        char mark = end + 2 < source.length() ? source.charAt(end + 2) : ' ';
        if (end < source.length() && mark == '-') {
            while (to > from && Character.isWhitespace(source.charAt(to - 1))) {
                to--;
            }
        } else if (end < source.length() && mark != '+' && source.charAt(end + 1) != '{') {
            to = withoutIndent(from, to);
        }
        if (to > from) {
            tokens.add(new Token(Kind.TEXT, source.substring(from, to), line));
        }
        line += (int) source.substring(at, end).chars().filter(c -> c == '\n').count();
        at = end;
    }

    private int withoutIndent(int from, int to) {
        int start = to;
        while (start > from && source.charAt(start - 1) != '\n' && Character.isWhitespace(source.charAt(start - 1))) {
            start--;
        }
        boolean first = start == 0 || source.charAt(start - 1) == '\n';
        return first ? start : to;
    }

    private void comment() {
        int end = source.indexOf("#}", at);
        if (end < 0) {
            throw ChatTemplate.bad(line, "a comment does not end");
        }
        line += (int) source.substring(at, end).chars().filter(c -> c == '\n').count();
        trimNext = source.charAt(end - 1) == '-';
        breakGoes = true;
        at = end + 2;
    }

    private void inside(boolean print) {
        tokens.add(new Token(print ? Kind.PRINT : Kind.STATEMENT, print ? "{{" : "{%", line));
        if (at < source.length() && (source.charAt(at) == '-' || source.charAt(at) == '+')) {
            at++;
        }
        String end = print ? "}}" : "%}";
        int depth = 0;
        while (at < source.length()) {
            char c = source.charAt(at);
            boolean dash = (c == '-' || c == '+') && source.startsWith(end, at + 1);
            if (dash || (depth == 0 && source.startsWith(end, at))) {
                tokens.add(new Token(Kind.END, end, line));
                at += dash ? 3 : 2;
                trimNext = c == '-';
                breakGoes = !print && c != '+';
                return;
            }
            depth += "([{".indexOf(c) >= 0 ? 1 : ")]}".indexOf(c) >= 0 ? -1 : 0;
            token(c);
        }
        throw ChatTemplate.bad(line, "'" + end + "' is missing");
    }

    private void token(char c) {
        if (Character.isWhitespace(c)) {
            line += c == '\n' ? 1 : 0;
            at++;
        } else if (c == '"' || c == '\'') {
            string(c);
        } else if (Character.isDigit(c)) {
            number();
        } else if (Character.isLetter(c) || c == '_') {
            take(Kind.NAME, end(at, each -> Character.isLetterOrDigit(each) || each == '_'));
        } else {
            sign(c);
        }
    }

    private void number() {
        int end = end(at, each -> Character.isDigit(each) || each == '_');
        boolean fraction = digitAt(end + 1) && source.charAt(end) == '.';
        int whole = fraction ? end(end + 1, Character::isDigit) : end;
        int power = whole < source.length() && Character.toLowerCase(source.charAt(whole)) == 'e' ? whole + 1 : -1;
        boolean signed = power > 0 && power < source.length() && "+-".indexOf(source.charAt(power)) >= 0;
        boolean scaled = power > 0 && digitAt(signed ? power + 1 : power);
        take(Kind.NUMBER, scaled ? end(power + 1, Character::isDigit) : whole);
    }

    private boolean digitAt(int place) {
        return place < source.length() && Character.isDigit(source.charAt(place));
    }

    private void sign(char c) {
        String two = source.substring(at, Math.min(at + 2, source.length()));
        if (!LONG_SIGNS.contains(two) && SIGNS.indexOf(c) < 0) {
            throw ChatTemplate.bad(line, "'" + c + "' is not expected here");
        }
        take(Kind.SIGN, at + (LONG_SIGNS.contains(two) ? 2 : 1));
    }

    private int end(int from, java.util.function.IntPredicate part) {
        int end = from;
        while (end < source.length() && part.test(source.charAt(end))) {
            end++;
        }
        return end;
    }

    private void take(Kind kind, int end) {
        tokens.add(new Token(kind, source.substring(at, end), line));
        at = end;
    }

    private void string(char quote) {
        StringBuilder text = new StringBuilder();
        int i = at + 1;
        while (i < source.length() && source.charAt(i) != quote) {
            char c = source.charAt(i++);
            if (c == '\\' && i < source.length()) {
                i = escape(i, text);
            } else {
                text.append(c);
            }
        }
        if (i >= source.length()) {
            throw ChatTemplate.bad(line, "a text in quotes does not end");
        }
        tokens.add(new Token(Kind.STRING, text.toString(), line));
        line += (int) source.substring(at, i).chars().filter(c -> c == '\n').count();
        at = i + 1;
    }

    /** Takes what stands behind a backslash, as Python reads it. */
    private int escape(int i, StringBuilder text) {
        char c = source.charAt(i);
        switch (c) {
            case 'n' -> text.append('\n');
            case 't' -> text.append('\t');
            case 'r' -> text.append('\r');
            case 'b' -> text.append('\b');
            case 'f' -> text.append('\f');
            case '\\', '\'', '"' -> text.append(c);
            case '\n' -> {}
            case 'x' -> {
                return code(i + 1, 2, text);
            }
            case 'u' -> {
                return code(i + 1, 4, text);
            }
            case 'U' -> {
                return code(i + 1, 8, text);
            }
            default -> text.append('\\').append(c);
        }
        return i + 1;
    }

    private int code(int from, int length, StringBuilder text) {
        try {
            text.appendCodePoint(Integer.parseInt(source.substring(from, from + length), 16));
        } catch (RuntimeException e) {
            throw ChatTemplate.bad(line, "a text has a wrong escape");
        }
        return from + length;
    }
}
