package io.gatun.ffm.machinecode;

import java.util.ArrayList;
import java.util.List;

/** A place in the code of one {@link Assembler}, to jump to before or after it is bound. */
public final class Label {
    int position = -1; // offset of the first byte; -1 while unbound
    final List<Integer> jumps = new ArrayList<>(); // offsets of 32-bit displacements that wait for the position

    Label() {}
}
