package io.gatun.trainer.loop;

import io.gatun.model.checkpoint.SafetensorsFile;
import io.gatun.model.checkpoint.SafetensorsWriter;
import io.gatun.model.config.Role;
import io.gatun.model.json.Json;
import io.gatun.model.layer.ParameterStore;
import io.gatun.tensor.Tensor;
import io.gatun.trainer.TrainerException;
import io.gatun.trainer.optim.Optimizer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a run needs beyond its exported model to go on with the same bits: FP32 masters, moments, selection biases
 * ({@code trainer/state.safetensors}) and where it stands ({@code trainer/state.json}). Batches and schedules are functions of
 * the step and the seed, so there is no random state beside them.
 *
 * @param step optimizer steps done
 * @param cursor sequences used
 * @param tokens tokens trained on
 * @param seconds time spent in steps
 */
public record TrainingState(long step, long cursor, long tokens, double seconds) {
    private static final String VALUES = "values";
    private static final String FIRST = "first_moments";
    private static final String SECOND = "second_moments";

    /** Writes {@code trainer/} into the checkpoint folder {@code folder}. */
    void write(Path folder, ParameterStore store, Optimizer optimizer) throws IOException {
        Path trainer = Files.createDirectories(folder.resolve("trainer"));
        SafetensorsWriter.write(trainer.resolve("state.safetensors"), tensors(store, optimizer), Map.of());
        Map<String, Object> numbers = new LinkedHashMap<>();
        numbers.put("step", step);
        numbers.put("cursor", cursor);
        numbers.put("tokens", tokens);
        numbers.put("seconds", seconds);
        Files.writeString(trainer.resolve("state.json"), Json.write(numbers));
    }

    /**
     * Reads what {@link #write} wrote into {@code store} and {@code optimizer}.
     *
     * @throws TrainerException when the state is another model's
     */
    static TrainingState read(Path folder, ParameterStore store, Optimizer optimizer) {
        Path trainer = folder.resolve("trainer");
        Path file = trainer.resolve("state.safetensors");
        try (Arena mapped = Arena.ofShared()) {
            SafetensorsFile saved = SafetensorsFile.open(file, mapped);
            tensors(store, optimizer).forEach((name, target) -> {
                Tensor source = saved.tensor(name);
                if (!source.toString().equals(target.toString())) {
                    throw new TrainerException("%s of %s is %s; this run has %s".formatted(name, file, source, target));
                }
                target.copyFrom(source);
            });
        }
        store.refresh();
        Map<?, ?> numbers = (Map<?, ?>) Json.read(trainer.resolve("state.json"));
        return new TrainingState(
                number(numbers, "step").longValue(),
                number(numbers, "cursor").longValue(),
                number(numbers, "tokens").longValue(),
                number(numbers, "seconds").doubleValue());
    }

    private static Number number(Map<?, ?> numbers, String field) {
        if (numbers.get(field) instanceof Number number) return number;
        throw new TrainerException("trainer/state.json has no number " + field);
    }

    private static Map<String, Tensor> tensors(ParameterStore store, Optimizer optimizer) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put(VALUES, store.values());
        tensors.put(FIRST, optimizer.firstMoments());
        tensors.put(SECOND, optimizer.secondMoments());
        for (ParameterStore.Entry entry : store.entries()) {
            if (entry.spec().role() == Role.SELECTION_BIAS)
                tensors.put(entry.spec().name(), entry.value());
        }
        return tensors;
    }
}
