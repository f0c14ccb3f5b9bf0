package io.gatun.trainer.loop;

import io.gatun.model.layer.ModelSlot;
import io.gatun.model.layer.ParameterStore;
import io.gatun.model.layer.Workspace;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.trainer.TrainerException;

/** A loss or a gradient stopped being a finite number; the message names the step and where it first appeared. */
public final class NotFiniteException extends TrainerException {
    private static final long serialVersionUID = 1;

    private NotFiniteException(String message) {
        super(message);
    }

    /** Looks through parameters, then activations and gradients in the order in which a step fills them. */
    static NotFiniteException at(long step, String what, ParameterStore store, ModelSlot slot) {
        return new NotFiniteException(
                "step %d: %s is not finite; it first appears in %s".formatted(step, what, find(store, slot)));
    }

    private static String find(ParameterStore store, ModelSlot slot) {
        for (ParameterStore.Entry entry : store.entries()) {
            if (!isFinite(entry.value())) return "parameter " + entry.spec().name();
        }
        for (Workspace.Named named : slot.tensors()) {
            if (named.tensor().dtype() != DType.I32 && !isFinite(named.tensor())) return named.name();
        }
        for (ParameterStore.Entry entry : store.entries()) {
            if (entry.grad() != null && !isFinite(entry.grad()))
                return "the gradient of " + entry.spec().name();
        }
        return "no kept tensor (a sum overflowed)";
    }

    private static boolean isFinite(Tensor tensor) {
        for (long i = 0; i < tensor.count(); i++) {
            if (!Double.isFinite(tensor.get(i))) return false;
        }
        return true;
    }
}
