package io.gatun.parallel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TeamTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7})
    void everyTaskRunsOnceInEveryRegion(int threads) {
        try (Team team = new Team(threads)) {
            for (int region = 0; region < 3000; region++) {
                int tasks = region % 17;
                var runs = new AtomicIntegerArray(17);
                team.run(tasks, (task, worker) -> {
                    runs.incrementAndGet(task);
                    if (worker < 0 || worker >= threads) throw new AssertionError("worker " + worker);
                });
                for (int task = 0; task < 17; task++) assertThat(runs.get(task)).isEqualTo(task < tasks ? 1 : 0);
            }
        }
    }

    @Test
    void workersParkAndComeBack() throws InterruptedException {
        try (Team team = new Team(3)) {
            var sum = new AtomicLong();
            for (int i = 0; i < 20; i++) {
                Thread.sleep(5); // far longer than they spin
                team.run(5, (task, worker) -> sum.addAndGet(task));
            }
            assertThat(sum.get()).isEqualTo(200);
        }
    }

    @Test
    void callersTakeTurns() throws InterruptedException {
        try (Team team = new Team(2)) {
            var inside = new AtomicLong();
            var done = new AtomicLong();
            var ready = new CountDownLatch(4);
            Thread[] callers = new Thread[4];
            for (int i = 0; i < callers.length; i++) {
                long me = 1L << (8 * i);
                callers[i] = new Thread(() -> {
                    ready.countDown();
                    for (int region = 0; region < 200; region++) {
                        team.run(4, (task, worker) -> {
                            long now = inside.addAndGet(me);
                            if ((now & ~(0xFF * me)) != 0) throw new AssertionError("two regions at once");
                            inside.addAndGet(-me);
                        });
                        done.incrementAndGet();
                    }
                });
                callers[i].start();
            }
            for (Thread caller : callers) caller.join();
            assertThat(done.get()).isEqualTo(800);
        }
    }

    @Test
    void aFailureReachesTheCallerAndTheTeamLivesOn() {
        try (Team team = new Team(2)) {
            assertThatThrownBy(() -> team.run(8, (task, worker) -> {
                        if (task == 5) throw new IllegalArgumentException("task 5");
                    }))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("task 5");
            var sum = new AtomicLong();
            team.run(8, (task, worker) -> sum.addAndGet(task));
            assertThat(sum.get()).isEqualTo(28);
        }
    }

    @Test
    void misuseIsRefused() {
        assertThatThrownBy(() -> new Team(0)).hasMessageContaining("at least one thread");
        Team team = new Team(2);
        assertThatThrownBy(() -> team.run(2, (task, worker) -> team.run(1, (t, w) -> {})))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("cannot start another");
        team.close();
        assertThatThrownBy(() -> team.run(1, (task, worker) -> {})).hasMessageContaining("closed");
    }
}
