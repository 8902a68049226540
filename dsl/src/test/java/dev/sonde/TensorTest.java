package dev.sonde;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class TensorTest {
    @Test
    void valuesWithoutAShapeAreAVector() {
        assertThat(Tensor.of(new float[] {1, 2, 3}).shape()).containsExactly(3);
        assertThat(Tensor.of(new long[] {1, 2}).shape()).containsExactly(2);
        assertThat(Tensor.of(new boolean[0]).shape()).containsExactly(0);
        assertThat(Tensor.of(new long[] {7}).rank()).isZero();
    }

    @Test
    void valuesThatDoNotFillTheirShapeAreRefused() {
        assertThatThrownBy(() -> Tensor.of(new float[] {1, 2, 3}, 2, 2))
                .isInstanceOf(SondeException.class)
                .hasMessageContaining("tensor-size");
    }

    @Test
    void theLargestComeFirst() {
        assertThat(Tensor.of(new float[] {1, 5, 3}).topK(2))
                .containsExactly(new Tensor.Entry(1, 5), new Tensor.Entry(2, 3));
    }
}
