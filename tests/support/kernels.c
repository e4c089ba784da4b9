// Reads B, I, O, H, W, kernel and stride, images, weights and a gradient, and writes what the kernels make of them.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CALL(name, ...) \
    do { \
        int name(int, void **, int *, int64_t **, const char **, void *, void *); \
        void *p[] = {__VA_ARGS__}; \
        if (name(sizeof(p) / sizeof(*p), p, 0, shapes, 0, 0, 0)) return 2; \
    } while (0)

static float *take(long count) {
    float *to = malloc(count * sizeof(float));
    return to && fread(to, sizeof(float), count, stdin) == (size_t)count ? to : 0;
}

int main(void) {
    int32_t n[7];
    void ltdsl_set_threads(int);
    ltdsl_set_threads(2);
    if (fread(n, sizeof(*n), 7, stdin) != 7) return 1;
    int64_t x_is[] = {n[0], n[1], n[3], n[4]}, w_is[] = {n[2], n[1], n[5], n[5]};
    int64_t g_is[] = {n[0], n[2], (n[3] + n[6] - 1) / n[6], (n[4] + n[6] - 1) / n[6]};
    long x_size = x_is[0] * x_is[1] * x_is[2] * x_is[3], w_size = w_is[0] * w_is[1] * w_is[2] * w_is[3];
    long g_size = g_is[0] * g_is[1] * g_is[2] * g_is[3];
    float *x = take(x_size), *w = take(w_size), *g = take(g_size);
    float *y = malloc(4 * g_size), *dx = malloc(4 * x_size), *dw = malloc(4 * w_size);
    if (!x || !w || !g) return 1;
    {
        int64_t *shapes[] = {x_is, w_is, g_is};
        CALL(ltdsl_convolve, x, w, y);
    }
    {
        int64_t *shapes[] = {g_is, w_is, x_is, x_is};
        CALL(ltdsl_images_gradient, g, w, x, dx);
    }
    {
        int64_t *shapes[] = {g_is, x_is, w_is, w_is};
        CALL(ltdsl_weights_gradient, g, x, w, dw);
    }
    fwrite(y, 4, g_size, stdout), fwrite(dx, 4, x_size, stdout), fwrite(dw, 4, w_size, stdout);
    return 0;
}
