// What the weights' gradient by Winograd's method transforms: gradients of outputs, and sums of their products.
#ifndef LTDSL_GRADIENT_TILES_H
#define LTDSL_GRADIENT_TILES_H
#include "tiles.h"

typedef double sums_t __attribute__((vector_size(8 * W), aligned(8)));

// Of so many products, how many are added up in single precision: fewer of few, where direct sums round little too.
static inline int few_of(int products) { return products < 16 ? 4 : products < 64 ? products / 4 : 16; }

// Of the outputs' gradient: the transposed of the one before.
INLINE void of_gradient(const lanes g[4], lanes to[6]) {
    lanes a = g[0] + A2 * g[2], a_odd = A * (g[1] + A2 * g[3]), b = g[0] + B2 * g[2], b_odd = B * (g[1] + B2 * g[3]);
    to[0] = g[0];
    to[1] = a + a_odd, to[2] = a - a_odd;
    to[3] = b + b_odd, to[4] = b - b_odd;
    to[5] = g[3];
}

// Of sums of products, to the kernel's gradient: the transposed of the one before.
INLINE void to_kernel(const sums_t s[6], sums_t to[3]) {
    sums_t a = OF_A * (s[1] + s[2]), a_odd = OF_A * A * (s[1] - s[2]);
    sums_t b = OF_B * (s[3] + s[4]), b_odd = OF_B * B * (s[3] - s[4]);
    to[0] = OF_0 * s[0] + a + b;
    to[1] = a_odd + b_odd;
    to[2] = A2 * a + B2 * b + s[5];
}

INLINE void gradient_tile(const lanes *from, int pitch, lanes *to, long apart) {
    lanes half[6][4];
    for (int column = 0; column < 4; column++) {
        lanes g[4], t[6];
        for (int i = 0; i < 4; i++) g[i] = from[i * pitch + column];
        of_gradient(g, t);
        for (int i = 0; i < 6; i++) half[i][column] = t[i];
    }
    for (int i = 0; i < 6; i++) {
        lanes t[6];
        of_gradient(half[i], t);
        for (int j = 0; j < 6; j++) to[(i * 6 + j) * apart] = t[j];
    }
}

#endif
