package io.gatun.ffm.machinecode;

import static io.gatun.ffm.machinecode.Opcode.Form.EITHER;
import static io.gatun.ffm.machinecode.Opcode.Form.EVEX;
import static io.gatun.ffm.machinecode.Opcode.Form.VEX;
import static io.gatun.ffm.machinecode.Opcode.Tuple.FULL;
import static io.gatun.ffm.machinecode.Opcode.Tuple.HALF;
import static io.gatun.ffm.machinecode.Opcode.Tuple.QUARTER;
import static io.gatun.ffm.machinecode.Opcode.Tuple.SCALAR;
import static io.gatun.ffm.machinecode.Opcode.Tuple.WHOLE;
import static io.gatun.ffm.machinecode.Opcode.Tuple.YMMWORD;

/** The vector, mask and tile instructions as the tables of Intel's manual (volume 2) give them. */
enum Opcode {
    // map, mandatory prefix, opcode, W, disp8 tuple, form. A map is 1 (0f), 2 (0f38) or 3 (0f3a).
    VMOVUPS_LOAD(1, 0x00, 0x10, 0, WHOLE, EITHER),
    VMOVUPS_STORE(1, 0x00, 0x11, 0, WHOLE, EITHER),
    VMOVSS_LOAD(1, 0xf3, 0x10, 0, SCALAR, EITHER),
    VMOVSS_STORE(1, 0xf3, 0x11, 0, SCALAR, EITHER),
    VMOVDQU_LOAD(1, 0xf3, 0x6f, 0, WHOLE, VEX),
    VMOVDQU_STORE(1, 0xf3, 0x7f, 0, WHOLE, VEX),
    VMOVDQU8_LOAD(1, 0xf2, 0x6f, 0, WHOLE, EVEX),
    VMOVDQU8_STORE(1, 0xf2, 0x7f, 0, WHOLE, EVEX),
    VMOVDQU16_LOAD(1, 0xf2, 0x6f, 1, WHOLE, EVEX),
    VMOVDQU16_STORE(1, 0xf2, 0x7f, 1, WHOLE, EVEX),
    VMOVDQU32_LOAD(1, 0xf3, 0x6f, 0, WHOLE, EVEX),
    VMOVDQU32_STORE(1, 0xf3, 0x7f, 0, WHOLE, EVEX),
    VMOVD(1, 0x66, 0x6e, 0, SCALAR, VEX),
    VZEROUPPER(1, 0x00, 0x77, 0, WHOLE, VEX),

    VADDPS(1, 0x00, 0x58, 0, FULL, EITHER),
    VMULPS(1, 0x00, 0x59, 0, FULL, EITHER),
    VHADDPS(1, 0xf2, 0x7c, 0, WHOLE, VEX),
    VFMADD231PS(2, 0x66, 0xb8, 0, FULL, EITHER),
    VDPBF16PS(2, 0xf3, 0x52, 0, FULL, EVEX),
    VCVTNEPS2BF16(2, 0xf3, 0x72, 0, FULL, EVEX),
    VCVTPH2PS(2, 0x66, 0x13, 0, HALF, EITHER),

    VXORPS(1, 0x00, 0x57, 0, WHOLE, VEX), // its EVEX form needs AVX512DQ: take vpxord
    VPAND(1, 0x66, 0xdb, 0, WHOLE, VEX),
    VPOR(1, 0x66, 0xeb, 0, WHOLE, VEX),
    VPANDD(1, 0x66, 0xdb, 0, FULL, EVEX),
    VPORD(1, 0x66, 0xeb, 0, FULL, EVEX),
    VPXORD(1, 0x66, 0xef, 0, FULL, EVEX),

    VPSLLD(1, 0x66, 0x72, 0, FULL, EITHER), // shifts keep /6, /2 or /4 where others have a register
    VPSRLD(1, 0x66, 0x72, 0, FULL, EITHER),
    VPSRAD(1, 0x66, 0x72, 0, FULL, EITHER),
    VPSLLW(1, 0x66, 0x71, 0, WHOLE, EITHER),
    VPSRLW(1, 0x66, 0x71, 0, WHOLE, EITHER),
    VPSRAW(1, 0x66, 0x71, 0, WHOLE, EITHER),

    VBROADCASTSS(2, 0x66, 0x18, 0, SCALAR, EITHER),
    VPBROADCASTD(2, 0x66, 0x58, 0, SCALAR, EITHER),
    VPBROADCASTD_GPR(2, 0x66, 0x7c, 0, SCALAR, EVEX),
    VPMOVSXBD(2, 0x66, 0x21, 0, QUARTER, EITHER),
    VPMOVZXBW(2, 0x66, 0x30, 0, HALF, EITHER),
    VPMOVZXBD(2, 0x66, 0x31, 0, QUARTER, EITHER),
    VPMOVZXWD(2, 0x66, 0x33, 0, HALF, EITHER),

    VUNPCKLPS(1, 0x00, 0x14, 0, FULL, EITHER),
    VUNPCKHPS(1, 0x00, 0x15, 0, FULL, EITHER),
    VPUNPCKLBW(1, 0x66, 0x60, 0, WHOLE, EITHER),
    VPUNPCKLWD(1, 0x66, 0x61, 0, WHOLE, EITHER),
    VPUNPCKHBW(1, 0x66, 0x68, 0, WHOLE, EITHER),
    VPUNPCKHWD(1, 0x66, 0x69, 0, WHOLE, EITHER),
    VSHUFPS(1, 0x00, 0xc6, 0, FULL, EITHER),
    VPERMQ(3, 0x66, 0x00, 1, WHOLE, EITHER), // its broadcast would be of 64 bits: not offered
    VPERM2F128(3, 0x66, 0x06, 0, WHOLE, VEX),
    VINSERTF128(3, 0x66, 0x18, 0, WHOLE, VEX),
    VEXTRACTF128(3, 0x66, 0x19, 0, WHOLE, VEX),
    VEXTRACTF64X4(3, 0x66, 0x1b, 1, YMMWORD, EVEX),
    VPERMI2B(2, 0x66, 0x75, 0, WHOLE, EVEX),
    VPERMT2B(2, 0x66, 0x7d, 0, WHOLE, EVEX),

    KMOVW(1, 0x00, 0x92, 0, SCALAR, VEX),
    KMOVD(1, 0xf2, 0x92, 0, SCALAR, VEX),
    KMOVQ(1, 0xf2, 0x92, 1, SCALAR, VEX),

    LDTILECFG(2, 0x00, 0x49, 0, WHOLE, VEX),
    TILERELEASE(2, 0x00, 0x49, 0, WHOLE, VEX),
    TILEZERO(2, 0xf2, 0x49, 0, WHOLE, VEX),
    TILELOADD(2, 0xf2, 0x4b, 0, WHOLE, VEX),
    TILESTORED(2, 0xf3, 0x4b, 0, WHOLE, VEX),
    TDPBF16PS(2, 0xf3, 0x5c, 0, WHOLE, VEX);

    /** Which prefixes an instruction can have: VEX, EVEX (AVX-512), or VEX where the operands allow it. */
    enum Form {
        VEX,
        EVEX,
        EITHER
    }

    /** How much memory an instruction of some width reads or writes: EVEX counts its 8-bit displacements in this unit. */
    enum Tuple {
        FULL, // the width, or one repeated element
        WHOLE, // the width
        HALF,
        QUARTER,
        SCALAR, // four bytes
        YMMWORD;

        /** Bytes touched in memory. */
        int bytes(int bits, boolean broadcast) {
            return switch (this) {
                case FULL -> broadcast ? 4 : bits / 8;
                case WHOLE -> bits / 8;
                case HALF -> bits / 16;
                case QUARTER -> bits / 32;
                case SCALAR -> 4;
                case YMMWORD -> 32;
            };
        }
    }

    final int map;
    final int prefix; // as VEX and EVEX number it: none 0, 66 1, f3 2, f2 3
    final int opcode;
    final int w;
    final Tuple tuple;
    final Form form;

    Opcode(int map, int prefix, int opcode, int w, Tuple tuple, Form form) {
        this.map = map;
        this.prefix = prefix == 0 ? 0 : prefix == 0x66 ? 1 : prefix == 0xf3 ? 2 : 3;
        this.opcode = opcode;
        this.w = w;
        this.tuple = tuple;
        this.form = form;
    }

    /** The name a programmer knows: {@code vmovups}. */
    String mnemonic() {
        return name().replaceFirst("_.*", "").toLowerCase();
    }
}
