package dev.sonde.runner;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.sonde.Tensor;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TableTest {
    @Test
    void numbersHaveEqualDecimalsAndStandToTheRight() {
        Table table = Table.of("layer", List.of("0", "11"), List.of("The", "␣capital"), new double[][] {
            {-12.3456, 0.001}, {1, Double.NaN}
        });
        assertThat(table).hasToString("""
                layer     The  ␣capital
                    0  -12.35      0.00
                   11    1.00       nan
                """);
    }

    @Test
    void wordsStandToTheLeftAndWideOnesTakeTwoColumns() {
        assertThat(Table.of(List.of("token", "n"), List.of(List.of("日本", "3"), List.of("a\nb", "12"))))
                .hasToString("""
                        token   n
                        日本    3
                        a⏎b    12
                        """);
    }

    @Test
    void largeTablesShowBothEnds() {
        List<String> labels =
                IntStream.range(0, 100).mapToObj(Integer::toString).toList();
        String[] lines =
                Table.of("", labels, labels, new double[100][100]).toString().split("\n");
        assertThat(lines).hasSize(41);
        assertThat(lines[0].strip().split(" +"))
                .containsExactly("0", "1", "2", "3", "4", "5", "…", "92", "93", "94", "95", "96", "97", "98", "99");
        assertThat(lines[20].strip()).startsWith("…  …");
        assertThat(lines[40]).startsWith("99  0");
    }

    @Test
    void tensorsCarryTheirAxisNames() {
        Tensor tensor = Tensor.of(new float[] {0, 1, 2, 3, 4, 5, 6, 7}, 2, 2, 2)
                .withNames(List.of("layer", "head", "position"));
        assertThat(Table.of(tensor)).hasToString("""
                layer,head \\ position  0  1
                0,0                    0  1
                0,1                    2  3
                1,0                    4  5
                1,1                    6  7
                """);
        assertThat(Table.of(Tensor.of(new float[] {2.5f}))).hasToString("\n  2.500\n");
    }

    @Test
    void labelsMustFit() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Table.of("", List.of("a"), List.of(), new double[2][0]))
                .withMessage("1 row labels for 2 rows");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Table.of(List.of("a", "b"), List.of(List.of("1"))))
                .withMessage("Row 0 has 1 cells but the header has 2: [1]");
    }

    @Test
    void extremesAreWrittenWithExponents() {
        assertThat(NumberStyle.of(new double[] {1.5e7, -2.5}, 3).format(1.5e7)).isEqualTo("1.50e+07");
        assertThat(NumberStyle.of(new double[] {0.00012}, 3).format(0.00012)).isEqualTo("1.20e-04");
        assertThat(NumberStyle.of(new double[] {2.5}, 3).format(-0.001)).isEqualTo("0.00");
        assertThat(NumberStyle.of(new double[] {3, 4}, 3).format(3)).isEqualTo("3");
    }
}
