package dev.sonde.onnx.plan;

import static dev.sonde.graph.Operator.*;

import dev.sonde.graph.Effect;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.Operator;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.Selection;
import dev.sonde.graph.ValueType;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.ModelInput;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.Size;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * How rows that have ended may leave the batch of a generation: what has a row for each of them along its first axis.
 *
 * <p>They may where everything in the later steps is found for each row on its own; where a step mixes rows, or does what this
 * does not know to keep them apart, ended rows are computed along.
 *
 * @param given ids of the values that steps are given with a row for each prompt
 * @param values ids of the values of steps that have one
 */
public record Leaving(Set<Integer> given, Set<Integer> values) {
    private static final Size BATCH = Size.symbol("batch");

    private static final Set<Operator> BY_ELEMENT = EnumSet.of(
            NEG,
            ABS,
            EXP,
            LOG,
            SQRT,
            RECIPROCAL,
            RELU,
            SIGMOID,
            TANH,
            ERF,
            SIN,
            COS,
            FLOOR,
            CEIL,
            ROUND,
            SIGN,
            NOT,
            IS_NAN,
            IS_INF,
            ADD,
            SUB,
            MUL,
            DIV,
            POW,
            MIN,
            MAX,
            EQUAL,
            LESS,
            LESS_OR_EQUAL,
            GREATER,
            GREATER_OR_EQUAL,
            AND,
            OR,
            WHERE,
            CAST,
            RENAME,
            STOP_GRADIENT);
    private static final Set<Operator> ALONG_AXIS = EnumSet.of(
            SOFTMAX, LOG_SOFTMAX, CUM_SUM, ARG_MAX, ARG_MIN, TOP_K_VALUES, TOP_K_INDICES, UNSQUEEZE, SQUEEZE);
    private static final Set<Operator> REDUCING = EnumSet.of(SUM, MEAN, REDUCE_MAX, REDUCE_MIN, PROD, L2, LOG_SUM_EXP);

    /** Copies its sets. */
    public Leaving {
        given = Set.copyOf(given);
        values = Set.copyOf(values);
    }

    /** Returns how rows of a generation may leave, or nothing if they must stay. */
    static Optional<Leaving> of(
            Target target, InterventionGraph graph, List<ValueType> types, Dependencies dependencies, int head) {
        RunInput.Generation generation = (RunInput.Generation) graph.runs().get(head);
        boolean may = generation.rows() > 1
                && generation.prompt().extra().isEmpty()
                && target.rowsAreApart()
                && target.wiring().manifest().inputs().stream()
                        .map(ModelInput::axes)
                        .allMatch(Leaving::hasRows);
        if (!may) {
            return Optional.empty();
        }
        List<Integer> unit = dependencies.unit(head);
        Search search = new Search(target.wiring().manifest(), graph, types, dependencies, generation.rows());
        try {
            search.look(head, unit.subList(1, unit.size()));
        } catch (Stays stays) {
            return Optional.empty();
        }
        return Optional.of(new Leaving(search.rows(false), search.rows(true)));
    }

    private static boolean hasRows(List<AxisInfo> axes) {
        return !axes.isEmpty()
                && axes.get(0).size().equals(BATCH)
                && axes.stream().skip(1).noneMatch(axis -> axis.size().symbols().contains("batch"));
    }

    /** Thrown where something is not known to keep rows apart. */
    private static final class Stays extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Stays() {
            super("rows stay", null, false, false);
        }
    }

    /** Follows the rows through the values of the later steps. */
    private static final class Search {
        private final ModelManifest manifest;
        private final InterventionGraph graph;
        private final List<ValueType> types;
        private final Dependencies dependencies;
        private final int count;
        private final Set<Integer> inside = new TreeSet<>();
        private final Map<Integer, Boolean> hasRows = new HashMap<>();

        Search(
                ModelManifest manifest,
                InterventionGraph graph,
                List<ValueType> types,
                Dependencies dependencies,
                int count) {
            this.manifest = manifest;
            this.graph = graph;
            this.types = types;
            this.dependencies = dependencies;
            this.count = count;
        }

        Set<Integer> rows(boolean ofSteps) {
            Set<Integer> found = new TreeSet<>();
            hasRows.forEach((id, rows) -> {
                if (rows && inside.contains(id) == ofSteps) {
                    found.add(id);
                }
            });
            return found;
        }

        void look(int head, Collection<Integer> later) {
            dependencies.needed().stream()
                    .filter(id -> later.contains(dependencies.owner(id)))
                    .forEach(id -> {
                        inside.add(id);
                        hasRows.put(id, follow(id, graph.nodes().get(id)));
                    });
            for (Effect effect : graph.effects()) {
                if (later.contains(effect.run()) || (effect.run() == head && effect instanceof Effect.Carry)) {
                    follow(effect);
                }
            }
        }

        private boolean follow(int id, Node node) {
            if (node instanceof Node.Read read) {
                return needs(Leaving.hasRows(manifest.site(read.site()).axes()));
            }
            if (node instanceof Node.Carried carried) {
                needs(use(carried.initial(), types.get(id).rank()) == isWide(id));
                return isWide(id);
            }
            if (node instanceof Node.Select select) {
                needsWholeRows(select.selection());
                return use(select.input(), types.get(select.input()).rank());
            }
            if (node instanceof Node.Put put) {
                needsWholeRows(put.selection());
                int singles = (int) put.selection().picks().stream()
                        .filter(Selection.Pick::single)
                        .count();
                boolean value = use(put.value(), types.get(id).rank() - singles);
                boolean into = use(put.into(), types.get(id).rank());
                return needs(into || !value) && into;
            }
            if (node instanceof Node.Apply apply) {
                return follow(id, apply);
            }
            throw new Stays();
        }

        private boolean follow(int id, Node.Apply apply) {
            Operator operator = apply.operator();
            List<Integer> inputs = apply.inputs();
            if (BY_ELEMENT.contains(operator)) {
                boolean any = false;
                for (int input : inputs) {
                    any |= use(input, types.get(id).rank());
                }
                return any;
            }
            if (operator == MATMUL) {
                boolean left = use(inputs.get(0), types.get(inputs.get(0)).rank());
                needs(types.get(inputs.get(0)).rank() > 1);
                needs(types.get(inputs.get(1)).rank() <= 2 && !use(inputs.get(1), Integer.MAX_VALUE));
                return left;
            }
            boolean apart = (ALONG_AXIS.contains(operator)
                            && isBehindRows(apply.attributes().get("axis")))
                    || (REDUCING.contains(operator)
                            && isBehindRows(apply.attributes().get("axes")));
            needs(apart);
            return use(inputs.get(0), types.get(inputs.get(0)).rank());
        }

        private static boolean isBehindRows(@org.jspecify.annotations.Nullable List<Long> axes) {
            return axes != null && !axes.isEmpty() && axes.stream().allMatch(axis -> axis > 0);
        }

        private void follow(Effect effect) {
            if (effect instanceof Effect.Write write) {
                written(write.site(), write.value());
            } else if (effect instanceof Effect.Skip skip) {
                List<String> outputs = manifest.module(skip.module()).sites();
                outputs.forEach(
                        site -> needs(Leaving.hasRows(manifest.site(site).axes())));
                skip.values().forEach(value -> needs(use(value, types.get(value).rank()) == isWide(value)));
            } else if (effect instanceof Effect.Choose choose) {
                needs(use(choose.logits(), 2) && use(choose.logSumExp(), 1));
            } else if (effect instanceof Effect.Carry carry) {
                needs(use(carry.value(), types.get(carry.value()).rank()) == isWide(carry.value()));
            } else if (effect instanceof Effect.Finish finish) {
                int rank = types.get(finish.condition()).rank();
                needs(use(finish.condition(), rank) == (rank == 1));
            } else {
                needs(effect instanceof Effect.Stop);
            }
        }

        private void written(String site, int value) {
            List<AxisInfo> axes = manifest.site(site).axes();
            needs(Leaving.hasRows(axes));
            use(value, axes.size());
        }

        /** Returns whether a value has rows where it is used as one of that many axes, aligned from the right. */
        private boolean use(int id, int rank) {
            if (inside.contains(id)) {
                boolean rows = hasRows.getOrDefault(id, false);
                // rows must be aligned with rows, and what only looks like them must not be
                needs(rows ? types.get(id).rank() == rank : types.get(id).rank() < rank || !isWide(id));
                return rows;
            }
            boolean rows = types.get(id).rank() == rank && isWide(id);
            Boolean before = hasRows.putIfAbsent(id, rows);
            boolean madeHere = dependencies.owner(id) == Dependencies.CONSTANT
                    && !(graph.nodes().get(id) instanceof Node.Constant);
            needs((before == null || before == rows) && !(rows && madeHere));
            return rows;
        }

        /** Returns whether the first axis has as many elements as there are prompts, or may have. */
        private boolean isWide(int id) {
            ValueType type = types.get(id);
            if (type.rank() == 0) {
                return false;
            }
            long size = type.dims().get(0).size();
            needs(size >= 0);
            return size == count;
        }

        private static void needsWholeRows(Selection selection) {
            needs(selection.picks().stream().noneMatch(pick -> pick.axis() == 0 || pick.perRow()));
        }

        private static boolean needs(boolean fact) {
            if (!fact) {
                throw new Stays();
            }
            return true;
        }
    }
}
