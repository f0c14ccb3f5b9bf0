package io.gatun.model.ops;

import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.gatun.kernels.Bf16;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EmbeddingTest extends ElementwiseFixture {
    @ParameterizedTest
    @CsvSource({"1,1,1,0", "2,5,7,3", "3,4,8,0", "2,300,64,0", "4,9,65,2", "1,40,577,0", "3,200,260,1"})
    void equalsItsReference(int sequences, int length, int dim, int gap) {
        int rows = sequences * length;
        int vocabulary = 11; // ids repeat
        Tensor ids = ids(sequences, length, vocabulary);
        Tensor table = matrix(vocabulary, dim, gap);
        Tensor y = matrix(rows, dim, gap);
        Tensor expected = copy(y);
        cpu.embedding(y, table, ids);
        REFERENCE.embedding(expected, table, ids);
        assertSame(y, expected);

        Tensor dy = matrix(rows, dim, gap);
        Tensor dTable = matrix(vocabulary, dim, gap);
        Tensor exact = twin(dTable);
        Tensor byPosition = copy(dTable);
        cpu.embeddingGrad(dTable, dy, ids);
        REFERENCE.embeddingGrad(byPosition, dy, ids); // f32 sums in the order of positions: the same bits
        assertSame(dTable, byPosition);
        REFERENCE.embeddingGrad(exact, twin(dy), ids);
        assertClose(dTable, exact, 1e-5);
    }

    @ParameterizedTest
    @CsvSource({"3,1", "5,7", "4,16", "9,33", "40,600"})
    void readsATableOfBf16(int rows, int dim) {
        Tensor table = Tensor.zeros(arena, DType.BF16, 6, dim);
        for (long i = 0; i < table.count(); i++) {
            table.data().setAtIndex(JAVA_SHORT, i, Bf16.encode((float) random.nextGaussian()));
        }
        Tensor ids = ids(1, rows, 6);
        Tensor y = matrix(rows, dim, 1);
        Tensor expected = copy(y);
        cpu.embedding(y, table, ids);
        REFERENCE.embedding(expected, table, ids);
        assertSame(y, expected);
    }
}
