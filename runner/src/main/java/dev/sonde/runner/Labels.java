package dev.sonde.runner;

import java.util.List;
import java.util.Locale;

/** Makes tokens visible: {@code " Paris"} is shown as {@code "␣Paris"} and a line feed as {@code "⏎"}. */
public final class Labels {
    private Labels() {}

    /**
     * Returns {@code token} with every space, line end, tab and unprintable character as a visible sign.
     *
     * <p>Spaces become {@code ␣}, line feeds {@code ⏎}, tabs {@code ⇥}, other control and format characters their code
     * as {@code \u200b}; the empty token is {@code ∅}.
     */
    public static String visible(String token) {
        if (token.isEmpty()) {
            return "∅";
        }
        StringBuilder out = new StringBuilder();
        token.codePoints().forEach(point -> append(out, point));
        return out.toString();
    }

    /** Returns {@link #visible(String)} of each token. */
    public static List<String> visible(List<String> tokens) {
        return tokens.stream().map(Labels::visible).toList();
    }

    private static void append(StringBuilder out, int point) {
        switch (point) {
            case ' ' -> out.append('␣');
            case '\n' -> out.append('⏎');
            case '\t' -> out.append('⇥');
            default -> {
                if (isHidden(point)) {
                    out.append(String.format(Locale.ROOT, point > 0xffff ? "\\u{%x}" : "\\u%04x", point));
                } else {
                    out.appendCodePoint(point);
                }
            }
        }
    }

    private static boolean isHidden(int point) {
        return switch (Character.getType(point)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.UNASSIGNED,
                    Character.PRIVATE_USE,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SPACE_SEPARATOR -> true;
            default -> false;
        };
    }

    /** Returns {@code text}, cut to {@code most} characters with {@code …} as the last one if it is longer. */
    static String shorten(String text, int most) {
        if (text.codePointCount(0, text.length()) <= most) {
            return text;
        }
        return text.substring(0, text.offsetByCodePoints(0, most - 1)) + "…";
    }

    /** Returns how many columns of a terminal {@code text} takes: two for East Asian characters and pictographs. */
    static int columns(String text) {
        return text.codePoints().map(Labels::columns).sum();
    }

    private static int columns(int point) {
        int type = Character.getType(point);
        if (type == Character.NON_SPACING_MARK || type == Character.ENCLOSING_MARK) {
            return 0;
        }
        boolean wide = point >= 0x1100
                && (point <= 0x115f
                        || (point >= 0x2e80 && point <= 0xa4cf)
                        || (point >= 0xac00 && point <= 0xd7a3)
                        || (point >= 0xf900 && point <= 0xfaff)
                        || (point >= 0xfe30 && point <= 0xfe6f)
                        || (point >= 0xff00 && point <= 0xff60)
                        || (point >= 0x1f300 && point <= 0x1faff)
                        || (point >= 0x20000 && point <= 0x3fffd));
        return wide ? 2 : 1;
    }
}
