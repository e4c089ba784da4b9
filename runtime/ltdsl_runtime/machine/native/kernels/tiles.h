// Winograd's method for 3x3 kernels: tiles of pixels, kernels and outputs, and their transforms.
//
// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), F(4x4, 3x3): of 6x6 pixels and a kernel,
// both transformed, the product is that of 36 numbers each, and gives 4x4 outputs. The points are 0, +-5/8, +-3/2 and
// infinity: with the usual +-1 and +-2, rounding errors are twice as large (Alam et al., "Winograd Convolution for Deep
// Neural Networks: Efficient Point Selection", 2022, choose by the same measure).
#ifndef LTDSL_TILES_H
#define LTDSL_TILES_H
#include "lanes.h"

#if W == 16
#define TILES 4  // that a product keeps in registers, for four outputs
#else
#define TILES 2
#endif
#define OUTPUTS 4
#define POINTS 36

typedef double kernels_t __attribute__((vector_size(8 * OUTPUTS), aligned(8)));
typedef float block_t __attribute__((vector_size(4 * OUTPUTS), aligned(4)));

// The points, and what the transforms need of them.
#define A 0.625f
#define B 1.5f
#define A2 (A * A)
#define B2 (B * B)

// ---- transforms, of one dimension; each is applied to columns, then to rows --------------------------------------

// Of pixels.
INLINE void of_input(const lanes d[6], lanes to[6]) {
    lanes a = d[4] - B2 * d[2], a_odd = A * (d[3] - B2 * d[1]);
    lanes b = d[4] - A2 * d[2], b_odd = B * (d[3] - A2 * d[1]);
    to[0] = d[4] - (A2 + B2) * d[2] + A2 * B2 * d[0];
    to[1] = a + a_odd, to[2] = a - a_odd;
    to[3] = b + b_odd, to[4] = b - b_odd;
    to[5] = d[5] - (A2 + B2) * d[3] + A2 * B2 * d[1];
}

// Of products, to outputs.
INLINE void to_output(const lanes m[6], lanes to[4]) {
    lanes a = m[1] + m[2], a_odd = A * (m[1] - m[2]), b = m[3] + m[4], b_odd = B * (m[3] - m[4]);
    to[0] = m[0] + a + b;
    to[1] = a_odd + b_odd;
    to[2] = A2 * a + B2 * b;
    to[3] = A2 * a_odd + B2 * b_odd + m[5];
}

#define OF_0 (1.0 / (A2 * B2))
#define OF_A (1.0 / (2 * A2 * (A2 - B2)))
#define OF_B (1.0 / (2 * B2 * (B2 - A2)))

// Of kernels.
INLINE void of_kernel(const kernels_t w[3], kernels_t to[6]) {
    kernels_t a = w[0] + A2 * w[2], b = w[0] + B2 * w[2];
    to[0] = OF_0 * w[0];
    to[1] = OF_A * (a + A * w[1]), to[2] = OF_A * (a - A * w[1]);
    to[3] = OF_B * (b + B * w[1]), to[4] = OF_B * (b - B * w[1]);
    to[5] = w[2];
}

// A tile of pixels to its 36 numbers, which are `apart` vectors from each other.
INLINE void input_tile(const lanes *from, int pitch, lanes *to, long apart) {
    lanes half[6][6];
    for (int column = 0; column < 6; column++) {
        lanes d[6], t[6];
        for (int i = 0; i < 6; i++) d[i] = from[i * pitch + column];
        of_input(d, t);
        for (int i = 0; i < 6; i++) half[i][column] = t[i];
    }
    for (int i = 0; i < 6; i++) {
        lanes t[6];
        of_input(half[i], t);
        for (int j = 0; j < 6; j++) to[(i * 6 + j) * apart] = t[j];
    }
}

// The kernels of four outputs and one input, by their taps, to their 36 numbers, which are `apart` floats from each other.
INLINE void kernel_tile(const kernels_t w[9], float *to, long apart) {
    kernels_t half[6][3];
    for (int column = 0; column < 3; column++) {
        kernels_t rows[3] = {w[column], w[3 + column], w[6 + column]}, t[6];
        of_kernel(rows, t);
        for (int row = 0; row < 6; row++) half[row][column] = t[row];
    }
    for (int row = 0; row < 6; row++) {
        kernels_t t[6];
        of_kernel(half[row], t);
        for (int j = 0; j < 6; j++) *(block_t *)(to + (row * 6 + j) * apart) = __builtin_convertvector(t[j], block_t);
    }
}

// 36 products to a tile of outputs, of which those within the image are kept.
INLINE void output_tile(const lanes *from, long apart, lanes *to, int width, int rows, int columns) {
    lanes half[4][6];
    for (int column = 0; column < 6; column++) {
        lanes m[6], t[4];
        for (int i = 0; i < 6; i++) m[i] = from[(i * 6 + column) * apart];
        to_output(m, t);
        for (int i = 0; i < 4; i++) half[i][column] = t[i];
    }
    for (int i = 0; i < rows; i++) {
        lanes t[4];
        to_output(half[i], t);
        for (int j = 0; j < columns; j++) to[i * width + j] = t[j];
    }
}

// Four outputs of some tiles, of one point. `tiles`: how far inputs, and outputs, are from each other.
INLINE void products(int some, int inputs, int tiles, const float *u, const lanes *v, lanes *to) {
    lanes total[OUTPUTS][TILES];
    for (int o = 0; o < OUTPUTS; o++)
        for (int t = 0; t < some; t++) total[o][t] = (lanes){0};
    for (int i = 0; i < inputs; i++, u += OUTPUTS, v += tiles)
        for (int t = 0; t < some; t++)
            for (int o = 0; o < OUTPUTS; o++) total[o][t] += u[o] * v[t];
    for (int o = 0; o < OUTPUTS; o++)
        for (int t = 0; t < some; t++) to[o * tiles + t] = total[o][t];
}

// All outputs, of one point: u [blocks][inputs][OUTPUTS], v [inputs][tiles] -> m [blocks * OUTPUTS][tiles].
static inline void multiply(int blocks, int inputs, int tiles, const float *u, const lanes *v, lanes *m) {
    for (int block = 0; block < blocks; block++, u += inputs * OUTPUTS, m += OUTPUTS * tiles) {
        int t = 0;
        for (; t + TILES <= tiles; t += TILES) products(TILES, inputs, tiles, u, v + t, m + t);
        for (; t + 2 <= tiles; t += 2) products(2, inputs, tiles, u, v + t, m + t);
        for (; t < tiles; t++) products(1, inputs, tiles, u, v + t, m + t);
    }
}

#endif
