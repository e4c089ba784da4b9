// Batch normalisation over images, rows and columns, and its gradient: float32, [B, C, H, W].
//
// Ioffe and Szegedy, "Batch Normalization" (2015), algorithm 1 and the gradients after it. A channel is one thread's.
#include <math.h>
#include <stdint.h>

#include "threads.h"
#include "vector.h"

typedef struct {
    long images, channels, size;       // size: rows times columns
    float epsilon, share;              // share: of the batch's statistics in those that are kept
    const float *x, *g, *gamma, *beta;
    float *mean, *variance;            // [channels]; an input of the gradient
    const float *kept_mean, *kept_variance;  // [channels], before
    float *moved_mean, *moved_variance;      // [channels], after
    float *y;                          // the output, or the gradient of x
    float *d_gamma, *d_beta;           // [channels]
} work_t;

INLINE const float *plane(const float *of, const work_t *n, long image, long channel) {
    return of + (image * n->channels + channel) * n->size;
}

static void forward_channel(int c, int thread, void *work) {
    const work_t *n = work;
    (void)thread;
    double total = 0, squares = 0, count = (double)n->images * n->size;
    for (long image = 0; image < n->images; image++) {
        const float *x = plane(n->x, n, image, c);
        vec part = {0};
        float rest = 0;
        long i = 0;
        for (; i + V <= n->size; i += V) part += at(x + i);
        for (; i < n->size; i++) rest += x[i];
        total += sum(part) + rest;
    }
    float mean = total / count;
    for (long image = 0; image < n->images; image++) {
        const float *x = plane(n->x, n, image, c);
        vec part = {0};
        float rest = 0;
        long i = 0;
        for (; i + V <= n->size; i += V) part += (at(x + i) - mean) * (at(x + i) - mean);
        for (; i < n->size; i++) rest += (x[i] - mean) * (x[i] - mean);
        squares += sum(part) + rest;
    }
    float variance = squares / count, scale = n->gamma[c] / sqrtf(variance + n->epsilon), beta = n->beta[c];
    n->mean[c] = mean, n->variance[c] = variance;
    float unbiased = squares / (count > 1 ? count - 1 : 1);
    n->moved_mean[c] = (1 - n->share) * n->kept_mean[c] + n->share * mean;
    n->moved_variance[c] = (1 - n->share) * n->kept_variance[c] + n->share * unbiased;
    for (long image = 0; image < n->images; image++) {
        const float *x = plane(n->x, n, image, c);
        float *y = (float *)plane(n->y, n, image, c);
        for (long i = 0; i < n->size; i++) y[i] = (x[i] - mean) * scale + beta;
    }
}

// With statistics that were kept, as in inference.
static void kept_channel(int c, int thread, void *work) {
    const work_t *n = work;
    (void)thread;
    float mean = n->mean[c], scale = n->gamma[c] / sqrtf(n->variance[c] + n->epsilon), beta = n->beta[c];
    for (long image = 0; image < n->images; image++) {
        const float *x = plane(n->x, n, image, c);
        float *y = (float *)plane(n->y, n, image, c);
        for (long i = 0; i < n->size; i++) y[i] = (x[i] - mean) * scale + beta;
    }
}

static void backward_channel(int c, int thread, void *work) {
    const work_t *n = work;
    (void)thread;
    float mean = n->mean[c], deviation = 1 / sqrtf(n->variance[c] + n->epsilon);
    double d_beta = 0, d_gamma = 0, count = (double)n->images * n->size;
    for (long image = 0; image < n->images; image++) {
        const float *x = plane(n->x, n, image, c), *g = plane(n->g, n, image, c);
        vec gs = {0}, gx = {0};
        float g_rest = 0, gx_rest = 0;
        long i = 0;
        for (; i + V <= n->size; i += V) {
            gs += at(g + i);
            gx += at(g + i) * (at(x + i) - mean);
        }
        for (; i < n->size; i++) g_rest += g[i], gx_rest += g[i] * (x[i] - mean);
        d_beta += sum(gs) + g_rest, d_gamma += sum(gx) + gx_rest;
    }
    d_gamma *= deviation;
    n->d_beta[c] = d_beta, n->d_gamma[c] = d_gamma;
    float scale = n->gamma[c] * deviation, of_g = d_beta / count, of_x = d_gamma / count * deviation;
    for (long image = 0; image < n->images; image++) {
        const float *x = plane(n->x, n, image, c), *g = plane(n->g, n, image, c);
        float *dx = (float *)plane(n->y, n, image, c);
        for (long i = 0; i < n->size; i++) dx[i] = scale * (g[i] - of_g - (x[i] - mean) * of_x);
    }
}

static work_t of(const int64_t *shape) {
    return (work_t){.images = shape[0], .channels = shape[1], .size = (long)shape[2] * shape[3]};
}

// x [B, C, H, W], gamma [C], beta [C], kept mean [C], kept variance [C], epsilon and share [2]
// -> y [B, C, H, W], mean [C], variance [C] (of the batch, biased), kept mean [C], kept variance [C] (of the unbiased one)
OPERATOR(ltdsl_batch_norm) {
    work_t n = of(s[0]);
    n.x = p[0], n.gamma = p[1], n.beta = p[2], n.kept_mean = p[3], n.kept_variance = p[4];
    n.epsilon = ((float *)p[5])[0], n.share = ((float *)p[5])[1];
    n.y = p[6], n.mean = p[7], n.variance = p[8], n.moved_mean = p[9], n.moved_variance = p[10];
    enter();
    on_all(forward_channel, &n, n.channels);
    leave();
    return 0;
}

// x [B, C, H, W], gamma [C], beta [C], mean [C], variance [C], epsilon [1] -> y [B, C, H, W]
OPERATOR(ltdsl_kept_norm) {
    work_t n = of(s[0]);
    n.x = p[0], n.gamma = p[1], n.beta = p[2], n.mean = p[3], n.variance = p[4], n.epsilon = *(float *)p[5];
    n.y = p[6];
    enter();
    on_all(kept_channel, &n, n.channels);
    leave();
    return 0;
}

// g [B, C, H, W], x [B, C, H, W], gamma [C], mean [C], variance [C], epsilon [1] -> dx, d_gamma [C], d_beta [C]
OPERATOR(ltdsl_batch_norm_gradient) {
    work_t n = of(s[1]);
    n.g = p[0], n.x = p[1], n.gamma = p[2], n.mean = p[3], n.variance = p[4], n.epsilon = *(float *)p[5];
    n.y = p[6], n.d_gamma = p[7], n.d_beta = p[8];
    enter();
    on_all(backward_channel, &n, n.channels);
    leave();
    return 0;
}
