package io.gatun.ffm.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Things of the driver that end with an arena. */
final class Closing {
    private Closing() {}

    /** Runs {@code close} when {@code arena} is closed. */
    static void with(Arena arena, Runnable close) {
        MemorySegment.ofAddress(1).reinterpret(0, arena, nothing -> close.run());
    }
}
