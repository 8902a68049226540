package dev.sonde.manifest;

import dev.sonde.SondeException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The size of an axis as a formula over the sizes that inputs bring: {@code 64}, {@code batch}, {@code past+position},
 * {@code batch*position}, {@code 2*position+1}, or {@code ?} where nothing is known before a run.
 *
 * @param terms summands; an empty list is the unknown size
 */
public record Size(List<Term> terms) {
    /** The size of which nothing is known before a run. */
    public static final Size UNKNOWN = new Size(List.of());

    /**
     * One summand: a factor times input sizes by name.
     *
     * @param factor a whole number
     * @param symbols names such as {@code batch}, sorted
     */
    public record Term(long factor, List<String> symbols) {
        /** Sorts the symbols, so that equal products are equal records. */
        public Term {
            symbols = symbols.stream().sorted().toList();
        }
    }

    /** Copies its list. */
    public Size {
        terms = List.copyOf(terms);
    }

    /** Returns a constant size. */
    public static Size of(long size) {
        return new Size(List.of(new Term(size, List.of())));
    }

    /** Returns the size that inputs call {@code symbol}. */
    public static Size symbol(String symbol) {
        return new Size(List.of(new Term(1, List.of(symbol))));
    }

    /**
     * Reads what {@link #toString()} prints.
     *
     * @throws SondeException {@code bad-manifest} if {@code text} is no size
     */
    public static Size parse(String text) {
        if (text.equals("?")) {
            return UNKNOWN;
        }
        List<Term> terms = new ArrayList<>();
        for (String part : text.split("\\+", -1)) {
            long factor = 1;
            List<String> symbols = new ArrayList<>();
            for (String atom : part.split("\\*", -1)) {
                if (atom.matches("-?\\d{1,18}")) {
                    factor *= Long.parseLong(atom);
                } else if (atom.matches("[A-Za-z_][A-Za-z0-9_./]*")) {
                    symbols.add(atom);
                } else {
                    throw new SondeException(
                            "bad-manifest",
                            "'" + text + "' is not a size: expected for example 64,"
                                    + " batch, past+position or 2*position");
                }
            }
            terms.add(new Term(factor, symbols));
        }
        return new Size(terms);
    }

    /** Returns the number that this size is under {@code sizes}, or empty if it is unknown or a symbol is missing. */
    public OptionalLong in(Map<String, Long> sizes) {
        if (terms.isEmpty()) {
            return OptionalLong.empty();
        }
        long sum = 0;
        for (Term term : terms) {
            long product = term.factor();
            for (String symbol : term.symbols()) {
                @Nullable Long size = sizes.get(symbol);
                if (size == null) {
                    return OptionalLong.empty();
                }
                product *= size;
            }
            sum += product;
        }
        return OptionalLong.of(sum);
    }

    /** Returns the names that this size depends on. */
    public Set<String> symbols() {
        Set<String> all = new TreeSet<>();
        terms.forEach(term -> all.addAll(term.symbols()));
        return all;
    }

    @Override
    public String toString() {
        if (terms.isEmpty()) {
            return "?";
        }
        List<String> parts = new ArrayList<>();
        for (Term term : terms) {
            String product = String.join("*", term.symbols());
            parts.add(
                    product.isEmpty()
                            ? Long.toString(term.factor())
                            : term.factor() == 1 ? product : term.factor() + "*" + product);
        }
        return String.join("+", parts);
    }
}
