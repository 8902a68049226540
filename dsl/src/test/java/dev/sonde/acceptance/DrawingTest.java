package dev.sonde.acceptance;

import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.Site;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.kind.Any;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** The drawing of an experiment shows each line of its text once, to the right of what it needs. */
class DrawingTest {
    private static final Site<Any> POST = Site.of("layers.0#resid_post");

    @Test
    void everyRunValueEditAndResultIsABoxBehindWhatItNeeds() throws Exception {
        InterventionGraph graph = new PaperModel()
                .record(s -> {
                    var donor = s.run("ab");
                    var run = s.run("ac", t -> {
                        t.update(POST, v -> v.from(donor.get(POST), position(-1)));
                        t.stop(Site.of("layers.1#resid_post"));
                    });
                    return run.get("layers.1#resid_post").save("<end> & \"more\"");
                })
                .graph();
        Document drawing = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new ByteArrayInputStream(graph.toSvg().getBytes(StandardCharsets.UTF_8)));
        NodeList boxes = drawing.getElementsByTagName("g");
        List<String> lines = graph.toString().lines().toList();
        assertThat(boxes.getLength()).isEqualTo(lines.size());
        double runs = 0;
        for (int i = 0; i < lines.size(); i++) {
            Element box = (Element) boxes.item(i);
            String text = box.getElementsByTagName("title").item(0).getTextContent();
            assertThat(text).isEqualTo(lines.get(i));
            double x = Double.parseDouble(
                    ((Element) box.getElementsByTagName("rect").item(0)).getAttribute("x"));
            if (text.startsWith("run ")) {
                runs = x;
            } else {
                assertThat(x).isGreaterThan(runs);
            }
        }
        assertThat(drawing.getElementsByTagName("path").getLength())
                .isGreaterThan(graph.nodes().size());
    }
}
