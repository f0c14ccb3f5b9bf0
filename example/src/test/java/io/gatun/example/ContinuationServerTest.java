package io.gatun.example;

import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.model.Golden;
import io.gatun.model.LanguageModel;
import io.gatun.model.generate.GenerationRequest;
import io.gatun.model.generate.Session;
import io.gatun.model.tokenizer.ByteLevelTokenizer;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContinuationServerTest {
    /** The golden model has 160 tokens, of which the first 128 stand for ASCII in the byte-level tokenizer. */
    @Test
    void answersAsTheLibraryDoes(@TempDir Path folder) throws IOException, InterruptedException {
        for (String name : List.of("config.json", "model.safetensors")) {
            Files.copy(Golden.folder("v3-mini").resolve(name), folder.resolve(name));
        }
        new ByteLevelTokenizer().write(folder);
        String expected;
        try (LanguageModel model = LanguageModel.open(folder, LanguageModel.Options.defaults());
                Session session = model.newSession(80)) {
            expected = session.generate(GenerationRequest.of("A ship").maxTokens(64), piece -> true)
                    .text();
        }
        assertThat(expected).isNotEmpty();
        try (ContinuationServer server = new ContinuationServer(folder, 0);
                HttpClient client = HttpClient.newHttpClient()) {
            HttpRequest request = HttpRequest.newBuilder(URI.create("http://localhost:" + server.port() + "/continue"))
                    .POST(HttpRequest.BodyPublishers.ofString("A ship"))
                    .build();
            for (int i = 0; i < 2; i++) {
                HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
                assertThat(answer.statusCode()).isEqualTo(200);
                assertThat(answer.body()).isEqualTo(expected);
            }
        }
    }
}
