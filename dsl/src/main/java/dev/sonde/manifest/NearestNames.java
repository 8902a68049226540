package dev.sonde.manifest;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;

/** Finds the names a user may have meant. */
public final class NearestNames {
    private NearestNames() {}

    /** Returns {@code " Did you mean 'a', 'b' or 'c'?"}, or an empty text when nothing is near. */
    public static String didYouMean(String wanted, Collection<String> known) {
        List<String> near = of(wanted, known);
        if (near.isEmpty()) {
            return "";
        }
        String last = "'" + near.get(near.size() - 1) + "'";
        String first = near.subList(0, near.size() - 1).stream()
                .map(n -> "'" + n + "'")
                .collect(Collectors.joining(", "));
        return " Did you mean " + (first.isEmpty() ? last : first + " or " + last) + "?";
    }

    /** Returns at most three of {@code known}, nearest first, none further than a third of the letters away. */
    public static List<String> of(String wanted, Collection<String> known) {
        record Near(String name, int distance) {}
        int limit = Math.max(2, wanted.length() / 3);
        return known.stream()
                .filter(name -> Math.abs(name.length() - wanted.length()) <= limit || name.endsWith(wanted))
                .map(name -> new Near(name, name.endsWith(wanted) ? 1 : distance(wanted, name)))
                .filter(near -> near.distance() <= limit)
                .sorted(Comparator.comparingInt(Near::distance).thenComparing(Near::name))
                .limit(3)
                .map(Near::name)
                .toList();
    }

    /** Levenshtein's edit distance, two rows at a time. */
    private static int distance(String a, String b) {
        int[] above = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            above[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int[] row = new int[b.length() + 1];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int swap = above[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                row[j] = Math.min(swap, 1 + Math.min(above[j], row[j - 1]));
            }
            above = row;
        }
        return above[b.length()];
    }
}
