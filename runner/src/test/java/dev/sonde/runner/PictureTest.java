package dev.sonde.runner;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.awt.Color;
import java.awt.Rectangle;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

/** Leaves its pictures in {@code target/pictures} to be looked at. */
class PictureTest {
    private static final List<String> PROMPT =
            Labels.visible(List.of("<s>", "The", " capital", " of", " France", " is", "\n"));

    @Test
    void cellsHaveTheColoursOfTheScale() throws IOException {
        HeatMap map = HeatMap.of("t", "r", "c", List.of("0", "1"), List.of("a", "b", "c"), new double[][] {
            {-2, 0, 2}, {Double.NaN, 1, -0.4}
        });
        BufferedImage image = read(Picture.of(map));
        HeatMapPainter painter = new HeatMapPainter(map);
        assertThat(corner(image, painter.cellPixels(0, 0))).isEqualTo(new Color(0x053061));
        assertThat(corner(image, painter.cellPixels(0, 1))).isEqualTo(new Color(0xf7f7f7));
        assertThat(corner(image, painter.cellPixels(0, 2))).isEqualTo(new Color(0x67001f));
        assertThat(corner(image, painter.cellPixels(1, 0))).isEqualTo(ColorScale.MISSING);
        assertThat(corner(image, painter.cellPixels(1, 1))).isEqualTo(mid(0xf4a582, 0xd6604d));
        assertThat(corner(image, painter.cellPixels(1, 2))).isEqualTo(new Color(0xd1e5f0));
    }

    /** A pixel of the cell's own colour: inside the grid line, above the text. */
    private static Color corner(BufferedImage image, Rectangle cell) {
        return new Color(image.getRGB(cell.x + 5, cell.y + 5));
    }

    private static Color mid(int one, int other) {
        Color a = new Color(one);
        Color b = new Color(other);
        return new Color(
                Math.round((a.getRed() + b.getRed()) / 2f),
                Math.round((a.getGreen() + b.getGreen()) / 2f),
                Math.round((a.getBlue() + b.getBlue()) / 2f));
    }

    @Test
    void sequentialScalesRunFromTheSmallestToTheLargest() {
        double[][] values = {{3, 5, 7}};
        ColorScale scale = ColorScale.sequential(values);
        assertThat(scale.color(3)).isEqualTo(new Color(0xf7fbff));
        assertThat(scale.color(5)).isEqualTo(new Color(0x6baed6));
        assertThat(scale.color(7)).isEqualTo(new Color(0x08306b));
        assertThat(scale.color(99)).isEqualTo(new Color(0x08306b));
    }

    @Test
    void pngHasThePicturesSizeAndNothingIsDrawnOnItsEdge() throws IOException {
        Picture picture = patching();
        picture.write(Path.of("target/pictures/patching.png"));
        BufferedImage image = read(picture);
        assertThat(image.getWidth()).isEqualTo(picture.width());
        assertThat(image.getHeight()).isEqualTo(picture.height());
        assertEdgeIsWhite(image);
    }

    @Test
    void heatMapsOfEverySizeKeepInside() throws IOException {
        HeatMap heads = HeatMap.of("Induction", "layer", "head", numbers(2), numbers(4), random(2, 4));
        HeatMap large = HeatMap.of("Attention", "query", "key", numbers(120), numbers(120), random(120, 120));
        HeatMap one = HeatMap.of(
                "A title that is much longer than the only cell of its picture, and wraps onto lines",
                "layer",
                "position",
                List.of("a label of very, very great length"),
                List.of("another label of very great length"),
                new double[][] {{1}});
        HeatMap many = HeatMap.of(
                        "Heads",
                        "layer",
                        "token",
                        numbers(6),
                        IntStream.range(0, 50).mapToObj(i -> "␣token" + i).toList(),
                        random(6, 50))
                .sequential();
        HeatMap none = HeatMap.of("", "", "", List.of(), List.of(), new double[0][]);
        Map<String, HeatMap> maps = new LinkedHashMap<>();
        maps.put("heads", heads);
        maps.put("large", large);
        maps.put("one", one);
        maps.put("many", many);
        maps.put("none", none);
        for (Map.Entry<String, HeatMap> each : maps.entrySet()) {
            Picture picture = Picture.of(each.getValue());
            picture.write(Path.of("target/pictures", each.getKey() + ".png"));
            assertEdgeIsWhite(read(picture));
        }
    }

    @Test
    void tokensAreColouredByProbability() throws IOException {
        String[][] words = new String[8][];
        for (int i = 0; i < words.length; i++) {
            words[i] = new String[] {" city", "\n", " of", " France", "<|endoftext|>", " Paris", " é日本"};
        }
        double[][] probabilities = random(8, 7);
        for (double[] row : probabilities) {
            Arrays.setAll(row, i -> Math.abs(row[i]));
        }
        probabilities[7][5] = 1;
        HeatMap map = HeatMap.tokens("Logit lens", "layer", "position", numbers(8), PROMPT, words, probabilities);
        Picture picture = Picture.of(map);
        picture.write(Path.of("target/pictures/lens.png"));
        assertThat(corner(read(picture), new HeatMapPainter(map).cellPixels(7, 5)))
                .isEqualTo(new Color(0x08306b));
        assertEdgeIsWhite(read(picture));
    }

    @Test
    void linesAndBarsAndPointsAreDrawn() throws IOException {
        Map<String, double[]> lines = new LinkedHashMap<>();
        lines.put("clean", new double[] {0, 1, 4, 9, 7, 6, 5, 4, 3, 2, 1, 0});
        lines.put("corrupt", new double[] {0, -1, -2, -1, 0, 0, 1, 2, 3, 3, 3, 3});
        save("lines", Picture.lines("Logit difference by layer", "layer", "logit difference", lines));
        save(
                "bars",
                Picture.bars(
                        "Effect of each head",
                        "head",
                        "effect",
                        List.of("L0H0", "L0H1", "L0H1", "L1H0", "L1H1"),
                        new double[] {0.5, -1.5, 2, 0.1, 3}));
        save(
                "long-bars",
                Picture.bars(
                        "Top tokens",
                        "token",
                        "probability",
                        IntStream.range(0, 12).mapToObj(i -> "␣longtoken" + i).toList(),
                        IntStream.range(0, 12).mapToDouble(i -> 1.0 / (i + 1)).toArray()));
        save("points", Picture.scatter("Points", "x", "y", Map.of("a", new double[][] {{0.1, 0.7, 2.2}, {1, 2, 3}})));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Picture.bars("", "", "", List.of("a"), new double[2]))
                .withMessage("1 labels for 2 bars");
    }

    private static void save(String name, Picture picture) throws IOException {
        picture.write(Path.of("target/pictures", name + ".png"));
        BufferedImage image = read(picture);
        assertEdgeIsWhite(image);
        long coloured = IntStream.range(0, image.getWidth() * image.getHeight())
                .map(i -> image.getRGB(i % image.getWidth(), i / image.getWidth()) & 0xffffff)
                .filter(rgb -> rgb == 0x2166ac)
                .count();
        assertThat(coloured).as("pixels in the first series' colour").isGreaterThan(100);
    }

    private static Picture patching() {
        return Picture.heatMap(
                "Recovered logit difference, residual stream patched from the clean run",
                "layer",
                "position",
                numbers(12),
                PROMPT,
                random(12, 7));
    }

    private static double[][] random(int rows, int columns) {
        Random random = new Random(1);
        double[][] values = new double[rows][columns];
        for (double[] row : values) {
            Arrays.setAll(row, i -> Math.max(-1, Math.min(1, random.nextGaussian() / 2)));
        }
        return values;
    }

    private static List<String> numbers(int count) {
        return IntStream.range(0, count).mapToObj(Integer::toString).toList();
    }

    private static BufferedImage read(Picture picture) throws IOException {
        return ImageIO.read(new ByteArrayInputStream(picture.toPng()));
    }

    private static void assertEdgeIsWhite(BufferedImage image) {
        for (int x = 0; x < image.getWidth(); x++) {
            for (int y = 0; y < image.getHeight(); y++) {
                boolean edge = x < 4 || y < 4 || x >= image.getWidth() - 4 || y >= image.getHeight() - 4;
                if (edge && (image.getRGB(x, y) & 0xffffff) != 0xffffff) {
                    throw new AssertionError("Drawn on the edge at " + x + "," + y + " of " + image.getWidth() + "x"
                            + image.getHeight());
                }
            }
        }
    }
}
