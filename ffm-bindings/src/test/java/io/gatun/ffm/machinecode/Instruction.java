package io.gatun.ffm.machinecode;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One line of objdump's, read.
 *
 * @param offset of its first byte in the code
 * @param length bytes
 */
record Instruction(int offset, int length, String name, List<Argument> arguments, String text) {
    /** What an instruction works on. */
    sealed interface Argument {}

    record General(int number, int bits) implements Argument {}

    record Vector(int number, int bits, int mask, boolean zeroing) implements Argument {}

    record MaskRegister(int number) implements Argument {}

    record Tile(int number) implements Argument {}

    record Constant(long value) implements Argument {}

    /** {@code index} is -1 where there is none; {@code mask} is 0 where there is none. */
    record Memory(int base, int index, int scale, long disp, boolean repeated, int mask) implements Argument {}

    private static final List<String> LEGACY = List.of("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi");
    private static final Pattern VECTOR = Pattern.compile("([xyz])mm(\\d+)(?:\\{k(\\d)})?(\\{z})?");
    private static final Pattern MEMORY =
            Pattern.compile("(?:\\w+ (PTR|BCST) )?\\[(.+?)](\\{1to\\d+})?(?:\\{k(\\d)})?");

    static Instruction parse(int offset, int length, String text) {
        int gap = text.indexOf(' ');
        String name = gap < 0 ? text : text.substring(0, gap);
        List<Argument> arguments = new ArrayList<>();
        if (gap >= 0 && !name.equals("nop") && !name.equals("xchg")) {
            for (String argument : text.substring(gap + 1).split(",")) arguments.add(argument(argument));
        }
        return new Instruction(offset, length, name, arguments, text);
    }

    private static Argument argument(String text) {
        Matcher memory = MEMORY.matcher(text), vector = VECTOR.matcher(text);
        if (memory.matches()) return memory(memory);
        if (vector.matches()) {
            int bits = 128 << "xyz".indexOf(vector.group(1));
            return new Vector(number(vector.group(2)), bits, number(vector.group(3)), vector.group(4) != null);
        }
        if (text.startsWith("0x")) return new Constant(Long.parseUnsignedLong(text.substring(2), 16));
        if (text.matches("k\\d")) return new MaskRegister(number(text.substring(1)));
        if (text.matches("tmm\\d")) return new Tile(number(text.substring(3)));
        if (text.matches("\\d+")) return new Constant(Long.parseLong(text));
        return general(text);
    }

    private static General general(String text) {
        int bits = text.startsWith("e") || text.endsWith("d") ? 32 : 64;
        String wide = text.startsWith("e") ? "r" + text.substring(1) : text;
        if (LEGACY.contains(wide)) return new General(LEGACY.indexOf(wide), bits);
        Matcher numbered = Pattern.compile("r(\\d+)d?").matcher(text);
        if (!numbered.matches()) throw new IllegalArgumentException("no operand that this emulator knows: " + text);
        return new General(number(numbered.group(1)), bits);
    }

    /** {@code base+index*scale+0x40}, in which all but the base may be missing. */
    private static Memory memory(Matcher found) {
        int base = -1, index = -1, scale = 1;
        long disp = 0;
        for (String part : found.group(2).replace("-", "+-").split("\\+")) {
            int times = part.indexOf('*');
            if (part.startsWith("0x")) disp = Long.parseLong(part.substring(2), 16);
            else if (part.startsWith("-0x")) disp = -Long.parseLong(part.substring(3), 16);
            else if (times < 0) base = general(part).number;
            else {
                index = general(part.substring(0, times)).number;
                scale = number(part.substring(times + 1));
            }
        }
        if (base < 0) throw new IllegalArgumentException("memory without a base: " + found.group());
        boolean repeated = "BCST".equals(found.group(1)) || found.group(3) != null;
        return new Memory(base, index, scale, disp, repeated, number(found.group(4)));
    }

    private static int number(String digits) {
        return digits == null ? 0 : Integer.parseInt(digits);
    }

    General general(int i) {
        return (General) arguments.get(i);
    }

    Vector vector(int i) {
        return (Vector) arguments.get(i);
    }

    Memory memory(int i) {
        return (Memory) arguments.get(i);
    }

    int tile(int i) {
        return ((Tile) arguments.get(i)).number;
    }

    long constant(int i) {
        return ((Constant) arguments.get(i)).value;
    }

    @Override
    public String toString() {
        return "%x: %s".formatted(offset, text);
    }
}
