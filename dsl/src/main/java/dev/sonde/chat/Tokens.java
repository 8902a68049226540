package dev.sonde.chat;

import dev.sonde.chat.Token.Kind;
import java.util.List;

/** Where the reading is. */
final class Tokens {
    private final List<Token> all;
    private int at;

    Tokens(List<Token> all) {
        this.all = all;
    }

    Token now() {
        return all.get(at);
    }

    /** Returns the token behind the next one. */
    Token behind() {
        return all.get(Math.min(at + 1, all.size() - 1));
    }

    int line() {
        return now().line();
    }

    Token next() {
        Token token = now();
        at = Math.min(at + 1, all.size() - 1);
        return token;
    }

    boolean skip(Kind kind) {
        return now().kind() == kind && next() != null;
    }

    boolean skip(String sign) {
        return now().is(Kind.SIGN, sign) && next() != null;
    }

    boolean skipWord(String word) {
        return now().is(Kind.NAME, word) && next() != null;
    }

    void sign(String sign) {
        expect(skip(sign), sign);
    }

    void word(String word) {
        expect(skipWord(word), word);
    }

    void end() {
        expect(skip(Kind.END), "the end of the braces");
    }

    String name() {
        expect(now().kind() == Kind.NAME, "a name");
        return next().text();
    }

    private void expect(boolean fine, String what) {
        if (!fine) {
            throw ChatTemplate.bad(line(), "expected " + what + " but found '" + now().text() + "'");
        }
    }
}
