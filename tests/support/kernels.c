// Reads B, I, O, H, W, kernel and stride, images, weights and a gradient, and writes what the kernels make of them. I = 0:
// each of O channels has a kernel of its own. Of 3x3 kernels for all channels, a chain of one layer too.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CALL(name, shapes, ...) \
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
    int depthwise = n[1] == 0;
    int64_t x_is[] = {n[0], n[depthwise ? 2 : 1], n[3], n[4]}, w_is[] = {n[2], depthwise ? 1 : n[1], n[5], n[5]};
    int64_t g_is[] = {n[0], n[2], (n[3] + n[6] - 1) / n[6], (n[4] + n[6] - 1) / n[6]};
    long x_size = x_is[0] * x_is[1] * x_is[2] * x_is[3], w_size = w_is[0] * w_is[1] * w_is[2] * w_is[3];
    long g_size = g_is[0] * g_is[1] * g_is[2] * g_is[3];
    float *x = take(x_size), *w = take(w_size), *g = take(g_size);
    float *y = malloc(4 * g_size), *dx = malloc(4 * x_size), *dw = malloc(4 * w_size);
    if (!x || !w || !g) return 1;
    float by_half[] = {0};
    int64_t *forward[] = {x_is, w_is, 0, g_is}, *images[] = {g_is, w_is, x_is, 0, x_is};
    int64_t *weights[] = {g_is, x_is, w_is, 0, w_is};
    if (depthwise) {
        CALL(ltdsl_depthwise, forward, x, w, by_half, y);
        CALL(ltdsl_depthwise_images_gradient, images, g, w, x, by_half, dx);
        CALL(ltdsl_depthwise_weights_gradient, weights, g, x, w, by_half, dw);
    } else {
        CALL(ltdsl_convolve, forward, x, w, by_half, y);
        CALL(ltdsl_images_gradient, images, g, w, x, by_half, dx);
        CALL(ltdsl_weights_gradient, weights, g, x, w, by_half, dw);
    }
    fwrite(y, 4, g_size, stdout), fwrite(dx, 4, x_size, stdout), fwrite(dw, 4, w_size, stdout);
    if (!depthwise && n[5] == 3) {
        int64_t how_is[] = {1, 3}, each_is[] = {n[2]}, *chain[] = {x_is, how_is, w_is, each_is, each_is, each_is, each_is, g_is};
        float how[] = {n[6], 0, 0}, *ones = malloc(4 * n[2]), *zeros = calloc(n[2], 4);
        for (int o = 0; o < n[2]; o++) ones[o] = 1;
        CALL(ltdsl_chain, chain, x, how, w, ones, zeros, zeros, ones, y);
        fwrite(y, 4, g_size, stdout);
    }
    return 0;
}
