// Where the zeros around an image are.
#ifndef LTDSL_PADDING_H
#define LTDSL_PADDING_H
#include <stdint.h>

// Of images and what a convolution makes of them: one of a single pixel is as good as of any stride.
static inline int stride_of(const int64_t *x, const int64_t *y) { return x[2] > y[2] || x[3] > y[3] ? 2 : 1; }

// Zeros before a row or column of so many pixels: half a kernel, or, with TensorFlow's padding (`same`), half of all
// zeros that its outputs reach over, the smaller one.
static inline int before(long pixels, long outputs, int kernel, int stride, float same) {
    long zeros = (outputs - 1) * stride + kernel - pixels;
    return same == 0 ? kernel / 2 : zeros > 0 ? zeros / 2 : 0;
}

#endif
