package io.gatun.example;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.gatun.model.LanguageModel;
import io.gatun.model.ModelException;
import io.gatun.model.generate.GenerationRequest;
import io.gatun.model.generate.Sampling;
import io.gatun.model.generate.Session;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Continues the text of each {@code POST /continue} and streams the answer back. One model serves all requests; each has a session
 * of its own, and the model computes for one at a time.
 *
 * <pre>{@code
 * java --add-modules jdk.incubator.vector -cp … io.gatun.example.ContinuationServer runs/small 8080
 * curl --data 'telescope:' localhost:8080/continue
 * }</pre>
 */
public final class ContinuationServer implements AutoCloseable {
    private static final int MOST_TOKENS = 64;
    private static final int LONGEST_PROMPT = 4096; // bytes

    private final LanguageModel model;
    private final HttpServer server;
    private final ExecutorService requests = Executors.newSingleThreadExecutor();

    /** Opens the model in {@code folder} and listens on {@code port} of this machine; 0 takes one that is free. */
    public ContinuationServer(Path folder, int port) throws IOException {
        server = HttpServer.create(new InetSocketAddress("localhost", port), 0);
        server.setExecutor(requests);
        server.createContext("/continue", this::answer);
        model = LanguageModel.open(folder, LanguageModel.Options.defaults());
        server.start();
    }

    public static void main(String[] args) throws IOException {
        if (args.length != 2) {
            System.err.println("usage: ContinuationServer MODEL_FOLDER PORT");
            System.exit(2);
        }
        var running = new ContinuationServer(Path.of(args[0]), Integer.parseInt(args[1]));
        System.out.println("listening on port " + running.port());
    }

    public int port() {
        return server.getAddress().getPort();
    }

    private void answer(HttpExchange exchange) throws IOException {
        byte[] body = exchange.getRequestBody().readNBytes(LONGEST_PROMPT);
        var request = new GenerationRequest(
                new String(body, StandardCharsets.UTF_8), MOST_TOKENS, Sampling.GREEDY, List.of());
        int positions = Math.min(model.config().maxPositionEmbeddings(), LONGEST_PROMPT + MOST_TOKENS);
        try (exchange;
                Session session = model.newSession(positions)) {
            exchange.sendResponseHeaders(200, 0); // in chunks, as they come
            OutputStream out = exchange.getResponseBody();
            session.generate(request, piece -> send(out, piece));
        } catch (ModelException | UncheckedIOException e) { // the text is too long, or the caller has gone
            System.err.println(e.getMessage());
        }
    }

    private static boolean send(OutputStream out, String piece) {
        try {
            out.write(piece.getBytes(StandardCharsets.UTF_8));
            out.flush();
            return true;
        } catch (IOException e) {
            throw new UncheckedIOException("an answer could not be sent", e);
        }
    }

    /** Waits for the request that is being answered, and frees the model. */
    @Override
    public void close() {
        server.stop(1);
        requests.close();
        model.close();
    }
}
