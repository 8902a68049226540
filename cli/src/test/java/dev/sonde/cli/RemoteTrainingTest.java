package dev.sonde.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.Model;
import dev.sonde.data.Dataset;
import dev.sonde.methods.SteeringTraining;
import dev.sonde.remote.client.SondeService;
import dev.sonde.remote.server.ServerOptions;
import dev.sonde.remote.server.SondeServer;
import dev.sonde.remote.server.WorkerBackend;
import dev.sonde.testmodels.TestModels;
import dev.sonde.training.Optimizer;
import dev.sonde.training.Trainable;
import dev.sonde.training.Trained;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A training whose model is a service's: each step's passes run there, the optimiser here. */
@Timeout(120)
class RemoteTrainingTest {
    @TempDir
    private Path folder;

    private static Trained steered(Model model, Trainable vector) {
        Dataset rows = Dataset.product(Map.of("name", List.of("Alice", "Bob", "Emma")));
        String prompt = "When {name} and Carol went to the park , Carol gave a book to";
        return SteeringTraining.of(model, vector, 1, rows, prompt, "Zoe")
                .optimizer(Optimizer.adam(0.1))
                .steps(5)
                .run();
    }

    @Test
    void goesTheWayThatItGoesHere() {
        Path path = TestModels.tiny("names");
        try (Model local = LocalModel.open(path);
                SondeServer server = SondeServer.open(ServerOptions.of(folder.resolve("data"))
                        .withModel("names", WorkerBackend.open(path, "-Xmx1g")));
                SondeService service = SondeService.connect(server.uri(), null);
                Model remote = service.model("names")) {
            Trainable here = Trainable.zeros("steer", 64);
            Trainable there = Trainable.zeros("steer", 64);
            Trained expected = steered(local, here);
            assertThat(steered(remote, there).steps()).isEqualTo(expected.steps());
            assertThat(there.tensor()).isEqualTo(here.tensor());
            assertThat(expected.lastLoss()).isLessThan(expected.losses()[0]);
        }
    }
}
