package io.gatun.ffm.machinecode;

import static io.gatun.ffm.machinecode.Gpr.*;
import static io.gatun.ffm.machinecode.Vec.*;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.gatun.ffm.machinecode.EncodingCases.Case;
import io.gatun.ffm.machinecode.Listing.Line;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EncodingTest {
    /** The text of each line is the test's, its bytes are the assembler's; that they belong together is objdump's word. */
    @Test
    void everyInstructionIsWhatADisassemblerReads() {
        List<Case> cases = EncodingCases.all();
        Assembler all = new Assembler();
        for (Case one : cases) one.code().accept(all);
        List<Line> lines =
                Listing.of(EncodingTest.class, "encodings", all.toBytes()).lines();
        for (int i = 0; i < cases.size(); i++) {
            assertThat(lines.get(i))
                    .hasToString(
                            new Line(bytes(cases.get(i).code()), cases.get(i).text()).toString());
        }
        assertThat(lines).hasSameSizeAs(cases);
    }

    @Test
    void jumpsReachTheirLabels() {
        Assembler to = new Assembler();
        Label end = to.label(), far = to.here();
        to.jmp(end);
        to.jz(end);
        Label near = to.here();
        to.jnz(near);
        to.jl(near);
        to.jge(near);
        to.jb(near);
        to.jae(near);
        to.jz(near);
        to.jmp(near);
        for (int i = 0; i < 40; i++) to.mov32(RAX, i);
        to.jnz(far);
        to.jmp(far);
        to.bind(end);
        to.ret();
        assertThat(Listing.of(EncodingTest.class, "jumps", to.toBytes()).lines().stream()
                        .map(Line::text)
                        .filter(text -> !text.startsWith("mov")))
                .containsExactly(
                        "jmp 0xec",
                        "je 0xec",
                        "jne 0xb",
                        "jl 0xb",
                        "jge 0xb",
                        "jb 0xb",
                        "jae 0xb",
                        "je 0xb",
                        "jmp 0xb",
                        "jne 0x0",
                        "jmp 0x0",
                        "ret");
    }

    /** A jump back is short for as long as its distance fits eight bits. */
    @ParameterizedTest
    @ValueSource(ints = {125, 126, 127})
    void aShortJumpReaches128Bytes(int between) {
        Assembler to = new Assembler();
        Label back = to.here();
        for (int i = 0; i < between; i++) to.ret();
        to.jnz(back);
        assertThat(to.size() - between).isEqualTo(between <= 126 ? 2 : 6);
    }

    @Test
    void alignmentIsFilledWithNoOperations() {
        for (int already = 0; already < 32; already++) {
            Assembler to = new Assembler();
            for (int i = 0; i < already; i++) to.ret();
            to.align(32);
            assertThat(to.size() % 32).isZero();
            Listing.disassemble(to.toBytes())
                    .ifPresent(listing -> assertThat(listing.lines())
                            .allSatisfy(line -> assertThat(line.text()).matches("ret|nop.*|xchg ax,ax")));
        }
    }

    @Test
    void whatHasNoEncodingIsRefused() {
        refused(to -> to.vxorps(zmm(0), zmm(0), zmm(0)), "vxorps takes registers 0 to 15");
        refused(to -> to.vhaddps(ymm(16), ymm(0), ymm(0)), "vhaddps takes registers 0 to 15");
        refused(to -> to.vpand(ymm(0).masked(Mask.K1), ymm(0), ymm(0)), "no mask");
        refused(to -> to.vaddps(ymm(0), zmm(0), ymm(0)), "vaddps to ymm0");
        refused(to -> to.vaddps(ymm(0), ymm(0), xmm(0)), "vaddps to ymm0");
        refused(to -> to.vaddps(ymm(0), ymm(0).masked(Mask.K1), ymm(0)), "masks its destination");
        refused(to -> to.vaddps(ymm(0), ymm(0), Mem.at(RAX).masked(Mask.K1)), "masks its destination");
        refused(to -> to.vmovups(zmm(0), Mem.at(RAX).broadcast()), "vmovups cannot repeat");
        refused(to -> to.vmovups(Mem.at(RAX).broadcast(), zmm(0)), "no repeated element");
        refused(to -> to.vpmovzxbd(zmm(0), ymm(0)), "vpmovzxbd to zmm0");
        refused(to -> to.vcvtneps2bf16(zmm(0), zmm(0)), "vcvtneps2bf16 to zmm0");
        refused(to -> to.vcvtneps2bf16(xmm(0), xmm(0)), "vcvtneps2bf16 to xmm0");
        refused(to -> to.vpermq(xmm(0), xmm(0), 0), "vpermq to xmm0");
        refused(to -> to.vextractf128(ymm(0), ymm(0), 0), "128 bits belongs here");
        refused(to -> to.tileloadd(Tmm.TMM0, Mem.at(RAX)), "stride");
        refused(to -> to.tdpbf16ps(Tmm.TMM0, Tmm.TMM1, Tmm.TMM1), "three different tiles");
        refused(to -> to.mov(RAX, Mem.at(RAX).broadcast()), "scalar instruction");
        refused(to -> to.vpslld(ymm(0), ymm(0), -1), "0 to 255");
        refused(to -> to.shl(RAX, 256), "0 to 255");
        refused(to -> Mem.at(RAX, RSP, 1), "rsp");
        refused(to -> Mem.at(RAX, RCX, 3), "scaled");
        refused(to -> zmm(32), "numbered 0 to 31");
        refused(to -> zmm(0).zeroed(Mask.K0), "k0");
    }

    @Test
    void aLabelIsBoundOnceAndBeforeTheCodeIsTaken() {
        Assembler to = new Assembler();
        Label label = to.label();
        to.jmp(label);
        assertThatIllegalStateException().isThrownBy(to::toBytes).withMessageContaining("never bound");
        to.bind(label);
        assertThat(to.toBytes()).hasSize(5);
        assertThatIllegalStateException().isThrownBy(() -> to.bind(label)).withMessageContaining("bound already");
    }

    @Test
    void codeGrows() {
        Assembler to = new Assembler();
        IntStream.range(0, 10_000).forEach(i -> to.vaddps(zmm(31), zmm(30), zmm(29)));
        assertThat(to.toBytes()).hasSize(60_000);
    }

    private static void refused(Consumer<Assembler> code, String because) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> code.accept(new Assembler()))
                .withMessageContaining(because);
    }

    private static byte[] bytes(Consumer<Assembler> code) {
        Assembler to = new Assembler();
        code.accept(to);
        return to.toBytes();
    }
}
