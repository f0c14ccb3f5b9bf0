package io.gatun.example;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.gatun.model.LanguageModel;
import io.gatun.model.generate.BatchRunner;
import io.gatun.model.generate.GenerationRequest;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Continues the text of each {@code POST /continue} and streams the answer back. One model serves all requests: up to 16 are answered
 * together, each token of all of them in one pass over the weights.
 *
 * <pre>{@code
 * java --add-modules jdk.incubator.vector -cp … io.gatun.example.ContinuationServer runs/small 8080
 * curl --data 'telescope:' localhost:8080/continue
 * }</pre>
 */
public final class ContinuationServer implements AutoCloseable {
    private static final int TOGETHER = 16;
    private static final int MOST_TOKENS = 64;
    private static final int LONGEST_PROMPT = 4096; // bytes
    private static final String END = new String("end"); // no piece of an answer is this object

    private final LanguageModel model;
    private final BatchRunner runner;
    private final HttpServer server;
    private final ExecutorService requests = Executors.newVirtualThreadPerTaskExecutor();

    /** Opens the model in {@code folder} and listens on {@code port} of this machine; 0 takes one that is free. */
    public ContinuationServer(Path folder, int port) throws IOException {
        server = HttpServer.create(new InetSocketAddress("localhost", port), 0);
        server.setExecutor(requests);
        server.createContext("/continue", this::answer);
        model = LanguageModel.open(folder, LanguageModel.Options.defaults());
        int positions = Math.min(model.config().maxPositionEmbeddings(), LONGEST_PROMPT + MOST_TOKENS);
        runner = model.newBatchRunner(TOGETHER, positions);
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

    /** The runner's thread writes into a queue, this one to the network: a slow reader holds up nobody else. */
    private void answer(HttpExchange exchange) throws IOException {
        byte[] body = exchange.getRequestBody().readNBytes(LONGEST_PROMPT);
        var request =
                GenerationRequest.of(new String(body, StandardCharsets.UTF_8)).maxTokens(MOST_TOKENS);
        var pieces = new LinkedBlockingQueue<String>();
        var gone = new AtomicBoolean();
        runner.submit(request, piece -> pieces.add(piece) && !gone.get()).whenComplete((result, failed) -> {
            if (failed != null) pieces.add(failed.getMessage()); // the text is too long, for instance
            pieces.add(END);
        });
        try (exchange) {
            exchange.sendResponseHeaders(200, 0); // in chunks, as they come
            send(pieces, exchange.getResponseBody());
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        } finally {
            gone.set(true); // where the reader left, the rest is not written
        }
    }

    private static void send(BlockingQueue<String> pieces, OutputStream out) throws IOException, InterruptedException {
        for (String piece = pieces.take(); piece != END; piece = pieces.take()) {
            out.write(piece.getBytes(StandardCharsets.UTF_8));
            out.flush();
        }
    }

    /** Ends what is being answered, and frees the model. */
    @Override
    public void close() {
        server.stop(1);
        runner.close();
        requests.close();
        model.close();
    }
}
