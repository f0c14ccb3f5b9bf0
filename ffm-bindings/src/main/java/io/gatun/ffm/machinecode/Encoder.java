package io.gatun.ffm.machinecode;

import io.gatun.ffm.machinecode.Opcode.Form;
import io.gatun.ffm.machinecode.Opcode.Tuple;
import java.util.Arrays;

/**
 * Instruction formats: prefixes, ModRM, SIB, displacement, and the bytes written so far. Operands are called as in Intel's
 * manual: {@code reg} and {@code rm} are the fields of ModRM, {@code vvvv} is the register of the VEX or EVEX prefix.
 */
final class Encoder {
    private static final byte[][] NO_OPERATIONS = {
        {(byte) 0x90},
        {0x66, (byte) 0x90},
        {0x0f, 0x1f, 0x00},
        {0x0f, 0x1f, 0x40, 0x00},
        {0x0f, 0x1f, 0x44, 0x00, 0x00},
        {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
        {0x0f, 0x1f, (byte) 0x80, 0x00, 0x00, 0x00, 0x00},
        {0x0f, 0x1f, (byte) 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
        {0x66, 0x0f, 0x1f, (byte) 0x84, 0x00, 0x00, 0x00, 0x00, 0x00}
    };

    private byte[] bytes = new byte[256];
    private int size;
    private int waiting; // jumps to labels not yet bound

    // ------------------------------------------------------------------ scalar instructions

    /** {@code opcode} of a 64-bit register and a register. */
    void wide(int opcode, int reg, Gpr rm) {
        rex(1, reg, 0, rm.ordinal());
        opcode(opcode);
        registers(reg, rm.ordinal());
    }

    /** {@code opcode} of a 64-bit register and memory. */
    void wide(int opcode, int reg, Mem rm) {
        rex(1, reg, indexOf(rm), rm.base().ordinal());
        opcode(opcode);
        memory(reg, plain(rm), 1);
    }

    /** {@code opcode} of a 32-bit register, or none, and memory. */
    void narrow(int opcode, int reg, Mem rm) {
        rex(0, reg, indexOf(rm), rm.base().ordinal());
        opcode(opcode);
        memory(reg, plain(rm), 1);
    }

    /** One of the eight arithmetic instructions 81 and 83 with an immediate, sign-extended to 64 bits. */
    void arithmetic(int operation, Gpr rm, int immediate) {
        boolean small = immediate == (byte) immediate;
        wide(small ? 0x83 : 0x81, operation, rm);
        if (small) put(immediate);
        else putInt(immediate);
    }

    /** An instruction whose register is part of its opcode: push, pop, mov of an immediate. */
    void inOpcode(int opcode, Gpr register) {
        rex(0, 0, 0, register.ordinal());
        put(opcode | register.ordinal() & 7);
    }

    // ------------------------------------------------------------------ jumps

    void bind(Label label) {
        if (label.position >= 0) throw new IllegalStateException("this label is bound already, at " + label.position);
        label.position = size;
        for (int at : label.jumps) {
            int distance = size - (at + 4);
            for (int i = 0; i < 4; i++) bytes[at + i] = (byte) (distance >> 8 * i);
        }
        waiting -= label.jumps.size();
        label.jumps.clear();
    }

    /** A jump: two bytes where it goes back by little, else the long form, since a forward distance is not known yet. */
    void jump(int shortOpcode, int longOpcode, Label target) {
        int shortDistance = target.position - (size + 2);
        if (target.position >= 0 && shortDistance == (byte) shortDistance) {
            put(shortOpcode);
            put(shortDistance);
            return;
        }
        opcode(longOpcode);
        if (target.position < 0) {
            target.jumps.add(size);
            waiting++;
        }
        putInt(target.position < 0 ? 0 : target.position - (size + 4));
    }

    /** Fills with no-operations of up to nine bytes until the size is a multiple of {@code unit}. */
    void align(int unit) {
        while (size % unit != 0) {
            byte[] filler = NO_OPERATIONS[Math.min(unit - size % unit, NO_OPERATIONS.length) - 1];
            for (byte value : filler) put(value);
        }
    }

    // ------------------------------------------------------------------ VEX and EVEX

    /** An instruction without operands. */
    void bare(Opcode op) {
        vex(op, 128, 0, 0, 0, 0);
        put(op.opcode);
    }

    /** An instruction of registers; {@code mask} and {@code zeroing} are of its destination. */
    void vector(Opcode op, int bits, int reg, int vvvv, int rm, Mask mask, boolean zeroing, int... immediate) {
        if (needsEvex(op, bits, reg | vvvv | rm, mask, false)) {
            evex(op, bits, reg, rm >> 4, rm, vvvv, mask, zeroing, false);
        } else {
            vex(op, bits, reg, 0, rm, vvvv);
        }
        put(op.opcode);
        registers(reg, rm);
        for (int value : immediate) immediate(value);
    }

    /** The same with memory in place of {@code rm}. */
    void vector(Opcode op, int bits, int reg, int vvvv, Mem rm, Mask mask, boolean zeroing, int... immediate) {
        if (rm.repeated() && op.tuple != Tuple.FULL) {
            throw new IllegalArgumentException(op.mnemonic() + " cannot repeat an element of memory");
        }
        int base = rm.base().ordinal(), index = indexOf(rm);
        boolean evex = needsEvex(op, bits, reg | vvvv, mask, rm.repeated());
        if (evex) evex(op, bits, reg, index >> 3, base, vvvv, mask, zeroing, rm.repeated());
        else vex(op, bits, reg, index >> 3, base, vvvv);
        put(op.opcode);
        memory(reg, rm, evex ? op.tuple.bytes(bits, rm.repeated()) : 1);
        for (int value : immediate) immediate(value);
    }

    private static boolean needsEvex(Opcode op, int bits, int numbers, Mask mask, boolean broadcast) {
        boolean needed = bits == 512 || numbers > 15 || mask != Mask.K0 || broadcast;
        if (needed && op.form == Form.VEX) {
            throw new IllegalArgumentException(
                    op.mnemonic() + " takes registers 0 to 15 of at most 256 bits, no mask and no repeated element");
        }
        return needed || op.form == Form.EVEX;
    }

    private void vex(Opcode op, int bits, int reg, int x, int rm, int vvvv) {
        int last = (~vvvv & 15) << 3 | (bits == 256 ? 4 : 0) | op.prefix;
        int notR = ~reg << 4 & 0x80;
        if (x == 0 && rm < 8 && op.w == 0 && op.map == 1) {
            put(0xc5);
            put(notR | last);
        } else {
            put(0xc4);
            put(notR | ~x << 6 & 0x40 | ~rm << 2 & 0x20 | op.map);
            put(op.w << 7 | last);
        }
    }

    private void evex(
            Opcode op, int bits, int reg, int x, int rm, int vvvv, Mask mask, boolean zeroing, boolean broadcast) {
        put(0x62);
        put(~reg << 4 & 0x80 | ~x << 6 & 0x40 | ~rm << 2 & 0x20 | ~reg & 0x10 | op.map);
        put(op.w << 7 | (~vvvv & 15) << 3 | 4 | op.prefix);
        int width = bits == 512 ? 2 : bits == 256 ? 1 : 0;
        put((zeroing ? 0x80 : 0) | width << 5 | (broadcast ? 0x10 : 0) | ~vvvv >> 1 & 8 | mask.ordinal());
    }

    // ------------------------------------------------------------------ operands

    private void rex(int w, int reg, int index, int base) {
        int rex = 0x40 | w << 3 | reg >> 3 << 2 | index >> 3 << 1 | base >> 3;
        if (rex != 0x40) put(rex);
    }

    private void registers(int reg, int rm) {
        put(0xc0 | (reg & 7) << 3 | rm & 7);
    }

    /** ModRM, SIB and displacement; {@code unit} is what an 8-bit displacement counts. */
    private void memory(int reg, Mem rm, int unit) {
        int base = rm.base().ordinal() & 7, disp = rm.disp(), small = disp / unit;
        boolean sib = rm.index() != null || base == Gpr.RSP.ordinal(); // 4 in place of a base announces the SIB byte
        int mode; // 0 none, 1 eight bits, 2 thirty-two bits
        if (disp == 0 && base != Gpr.RBP.ordinal()) mode = 0; // rbp without a displacement means something else
        else mode = small * unit == disp && small == (byte) small ? 1 : 2;
        put(mode << 6 | (reg & 7) << 3 | (sib ? 4 : base));
        if (sib) {
            int index = rm.index() == null ? 4 : indexOf(rm) & 7;
            put(Integer.numberOfTrailingZeros(rm.scale()) << 6 | index << 3 | base);
        }
        if (mode == 1) put(small);
        if (mode == 2) putInt(disp);
    }

    private static int indexOf(Mem rm) {
        return rm.index() == null ? 0 : rm.index().ordinal();
    }

    private static Mem plain(Mem rm) {
        if (rm.repeated() || rm.mask() != Mask.K0) {
            throw new IllegalArgumentException("a scalar instruction has neither a mask nor a repeated element: " + rm);
        }
        return rm;
    }

    // ------------------------------------------------------------------ bytes

    /** One opcode byte, or two where the first is 0f. */
    private void opcode(int opcode) {
        if (opcode > 0xff) put(opcode >> 8);
        put(opcode);
    }

    /** An unsigned byte that the instruction carries: a count, or an order of lanes. */
    void immediate(int value) {
        if (value < 0 || value > 255) throw new IllegalArgumentException("0 to 255 belongs here, not " + value);
        put(value);
    }

    void put(int value) {
        if (size == bytes.length) bytes = Arrays.copyOf(bytes, 2 * size);
        bytes[size++] = (byte) value;
    }

    void putInt(int value) {
        for (int i = 0; i < 4; i++) put(value >> 8 * i);
    }

    int size() {
        return size;
    }

    byte[] toBytes() {
        if (waiting > 0) throw new IllegalStateException(waiting + " jumps go to labels that were never bound");
        return Arrays.copyOf(bytes, size);
    }
}
