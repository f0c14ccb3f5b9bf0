package io.gatun.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class JitDirectivesTest {
    @Test
    void hotSpotTakesThem() {
        JitDirectives.ensure();
        assertThat(JitDirectives.areTaken()).isTrue(); // one that it cannot parse makes it refuse all of them
    }
}
