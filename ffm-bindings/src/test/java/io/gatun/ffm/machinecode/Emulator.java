package io.gatun.ffm.machinecode;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import io.gatun.ffm.machinecode.Instruction.Argument;
import io.gatun.ffm.machinecode.Instruction.Constant;
import io.gatun.ffm.machinecode.Instruction.General;
import io.gatun.ffm.machinecode.Instruction.Memory;
import io.gatun.ffm.machinecode.Listing.Line;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Runs what {@link Assembler} writes on any machine, whatever its CPU, from the disassembler's reading of the bytes: what is
 * run is what the bytes say, not what the assembler meant. It follows the System V calling convention and is stricter than a
 * CPU: a byte outside the given memory, a callee-saved register changed, tiles kept or vectors left dirty at the return are
 * errors, and registers that carry no argument start with junk.
 *
 * <pre>{@code
 * Listing listing = Listing.of(DotTest.class, "dot", code);
 * long result = new Emulator(listing).memory(x, y).call(x.address(), y.address(), 128);
 * }</pre>
 */
public final class Emulator {
    private static final long JUNK = 0x7fc0_dead_7fc0_deadL; // as floats: NaN; as an address: nowhere
    private static final long RETURN = 0x7fff_0000_0000_0000L; // the address that the first call returns to
    private static final long LIMIT = 10_000_000;
    private static final int[] ARGUMENTS = {7, 6, 2, 1, 8, 9}; // rdi, rsi, rdx, rcx, r8, r9
    private static final int[] SAVED = {3, 5, 12, 13, 14, 15}; // rbx, rbp, r12 to r15
    private static final int RSP = 4;

    private final Map<Integer, Instruction> code = new HashMap<>();
    private final AddressSpace memory = new AddressSpace();
    private final long[] general = new long[16];
    private final VectorUnit vectors = new VectorUnit(this);
    private final TileUnit tiles = new TileUnit(this);
    private final long stackTop;
    private boolean zero, sign, carry, overflow;
    private long executed;

    /** An emulator of this code. */
    public Emulator(Listing listing) {
        int offset = 0;
        for (Line line : listing.lines()) {
            code.put(offset, Instruction.parse(offset, line.bytes().length, line.text()));
            offset += line.bytes().length;
        }
        MemorySegment stack = Arena.ofAuto().allocate(4096, 64);
        memory.add(stack);
        stackTop = stack.address() + stack.byteSize();
    }

    /** Native memory that the code may read and write, beside its stack; all other is out of bounds. */
    public Emulator memory(MemorySegment... segments) {
        for (MemorySegment segment : segments) memory.add(segment);
        return this;
    }

    /** Calls the function with integers or addresses, those after the sixth on the stack; gives rax. */
    public long call(long... arguments) {
        Arrays.fill(general, JUNK);
        vectors.fill(JUNK);
        general[RSP] = stackTop;
        for (int i = arguments.length - 1; i >= ARGUMENTS.length; i--) push(arguments[i]);
        for (int i = 0; i < Math.min(arguments.length, ARGUMENTS.length); i++) general[ARGUMENTS[i]] = arguments[i];
        long caller = general[RSP];
        push(RETURN);
        long at = 0;
        executed = 0;
        while (at != RETURN) {
            Instruction next = code.get((int) at);
            if (next == null) throw new AssertionError("no instruction begins at offset 0x%x".formatted(at));
            if (++executed > LIMIT)
                throw new AssertionError("more than " + LIMIT + " instructions: does this end? " + next);
            try {
                at = step(next);
            } catch (RuntimeException failed) {
                throw new AssertionError(next + ": " + failed.getMessage(), failed);
            }
        }
        checkReturn(caller);
        return general[0];
    }

    /** Instructions that the last call took. */
    public long executed() {
        return executed;
    }

    private void checkReturn(long caller) {
        if (general[RSP] != caller) throw new AssertionError("rsp moved by " + (general[RSP] - caller));
        for (int register : SAVED) {
            if (general[register] != JUNK) throw new AssertionError(Gpr.values()[register] + " was not restored");
        }
        if (vectors.dirty()) throw new AssertionError("returned without vzeroupper");
        if (tiles.configured()) throw new AssertionError("returned without tilerelease");
    }

    // ------------------------------------------------------------------ what the units need

    long read(General register) {
        long value = general[register.number()];
        return register.bits() == 64 ? value : value & 0xffff_ffffL;
    }

    long address(Memory place) {
        long index = place.index() < 0 ? 0 : general[place.index()] * place.scale();
        return general[place.base()] + index + place.disp();
    }

    long index(Memory place) {
        return general[place.index()] * place.scale();
    }

    MemorySegment bytes(long address, long count) {
        return memory.at(address, count);
    }

    // ------------------------------------------------------------------ scalar instructions

    /** Executes one instruction; gives the offset of the next. */
    private long step(Instruction i) {
        long next = i.offset() + i.length();
        switch (i.name()) {
            case "nop", "xchg", "prefetcht0" -> {}
            case "mov" -> move(i);
            case "lea" -> write(i.general(0), address(i.memory(1)));
            case "add", "sub", "cmp", "and", "test", "imul", "shl", "shr", "sar", "dec" -> arithmetic(i);
            case "push" -> push(read(i.general(0)));
            case "pop" -> write(i.general(0), pop());
            case "ret" -> next = pop();
            case "jmp" -> next = i.constant(0);
            case "je" -> next = zero ? i.constant(0) : next;
            case "jne" -> next = zero ? next : i.constant(0);
            case "jl" -> next = sign != overflow ? i.constant(0) : next;
            case "jge" -> next = sign == overflow ? i.constant(0) : next;
            case "jb" -> next = carry ? i.constant(0) : next;
            case "jae" -> next = carry ? next : i.constant(0);
            default -> {
                if (i.name().startsWith("v") || i.name().startsWith("k")) vectors.execute(i);
                else tiles.execute(i);
            }
        }
        return next;
    }

    private void arithmetic(Instruction i) {
        General d = i.general(0);
        long a = read(d), b = i.arguments().size() > 1 ? value(i.arguments().get(1), 64) : 1;
        switch (i.name()) {
            case "add" -> write(d, sum(a, b));
            case "sub" -> write(d, difference(a, b));
            case "cmp" -> difference(a, b);
            case "and" -> write(d, logical(a & b));
            case "test" -> logical(a & b);
            case "shl" -> write(d, shifted(a << b, a >>> 64 - b));
            case "shr" -> write(d, shifted(a >>> b, a >>> b - 1));
            case "sar" -> write(d, shifted(a >> b, a >> b - 1));
            case "imul" -> {
                carry = overflow = Math.multiplyHigh(a, b) != a * b >> 63;
                write(d, a * b);
            }
            default -> { // dec keeps the carry
                boolean kept = carry;
                write(d, difference(a, 1));
                carry = kept;
            }
        }
    }

    private long sum(long a, long b) {
        long result = logical(a + b);
        carry = Long.compareUnsigned(result, a) < 0;
        overflow = ((a ^ result) & (b ^ result)) < 0;
        return result;
    }

    private long difference(long a, long b) {
        long result = logical(a - b);
        carry = Long.compareUnsigned(a, b) < 0;
        overflow = ((a ^ b) & (a ^ result)) < 0;
        return result;
    }

    private long shifted(long result, long carryBit) {
        logical(result);
        carry = (carryBit & 1) != 0;
        return result;
    }

    private long logical(long result) {
        zero = result == 0;
        sign = result < 0;
        carry = overflow = false;
        return result;
    }

    private void push(long value) {
        general[RSP] -= 8;
        memory.at(general[RSP], 8).set(JAVA_LONG_UNALIGNED, 0, value);
    }

    private long pop() {
        long value = memory.at(general[RSP], 8).get(JAVA_LONG_UNALIGNED, 0);
        general[RSP] += 8;
        return value;
    }

    private void move(Instruction i) {
        if (i.arguments().get(0) instanceof Memory place) {
            General s = i.general(1);
            MemorySegment to = memory.at(address(place), s.bits() / 8);
            if (s.bits() == 64) to.set(JAVA_LONG_UNALIGNED, 0, read(s));
            else to.set(JAVA_INT_UNALIGNED, 0, (int) read(s));
        } else {
            write(i.general(0), value(i.arguments().get(1), i.general(0).bits()));
        }
    }

    private long value(Argument from, int bits) {
        return switch (from) {
            case General register -> read(register);
            case Constant constant -> constant.value();
            case Memory place when bits == 32 -> memory.at(address(place), 4).get(JAVA_INT_UNALIGNED, 0) & 0xffff_ffffL;
            case Memory place -> memory.at(address(place), 8).get(JAVA_LONG_UNALIGNED, 0);
            default -> throw new IllegalArgumentException("not a scalar: " + from);
        };
    }

    private void write(General register, long value) {
        general[register.number()] = register.bits() == 64 ? value : value & 0xffff_ffffL;
    }
}
