package orders;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** A JUnit 5 extension: a cluster for each test, which ends with it however that ends. */
final class Kafkarium implements BeforeEachCallback, AfterEachCallback {
    private static final String PROGRAM =
            System.getenv().getOrDefault("KAFKARIUM", "kafkarium");

    private final String name = "junit-" + ProcessHandle.current().pid();
    private final List<String> topics;
    private Process up;
    private JsonNode status;

    Kafkarium(String... topics) {
        this.topics = List.of(topics);
    }

    @Override
    public void beforeEach(ExtensionContext context) throws IOException {
        var words = new ArrayList<>(List.of(PROGRAM, "up", "--name", name, "--ephemeral", "--json",
                "--until-eof", "--base-port", "0", "--zookeeper-port", "0"));
        topics.forEach(topic -> words.addAll(List.of("--topic", topic)));
        up = new ProcessBuilder(words).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        var line = new BufferedReader(new InputStreamReader(up.getInputStream())).readLine();
        status = new ObjectMapper().readTree(line);
    }

    @Override
    public void afterEach(ExtensionContext context) throws Exception {
        up.getOutputStream().close();
        up.waitFor();
    }

    String bootstrap() {
        return status.get("bootstrap").asText();
    }

    void exec(String... actions) throws Exception {
        var words = new ArrayList<>(List.of(PROGRAM, "exec", "--name", name));
        words.addAll(List.of(actions));
        run(words);
    }

    void await(String condition) throws Exception {
        run(List.of(PROGRAM, "wait", "--name", name, condition));
    }

    private static void run(List<String> words) throws Exception {
        var command = new ProcessBuilder(words).redirectErrorStream(true).start();
        var said = new String(command.getInputStream().readAllBytes());
        if (command.waitFor() != 0) {
            throw new AssertionError(said);
        }
    }
}
