package dev.sonde.chat;

/**
 * A piece of a template.
 *
 * @param kind what it is
 * @param text as it stands there; of a string, what it means
 * @param line where, from 1
 */
record Token(Kind kind, String text, int line) {
    /** What a token can be. */
    enum Kind {
        /** Text outside of all braces. */
        TEXT,
        /** <code>{{</code>. */
        PRINT,
        /** <code>{%</code>. */
        STATEMENT,
        /** <code>}}</code> or <code>%}</code>. */
        END,
        /** A word. */
        NAME,
        /** A text in quotes. */
        STRING,
        /** A number. */
        NUMBER,
        /** An operator or a bracket. */
        SIGN,
        /** The end of the template. */
        NOTHING
    }

    boolean is(Kind other, String what) {
        return kind == other && text.equals(what);
    }
}
