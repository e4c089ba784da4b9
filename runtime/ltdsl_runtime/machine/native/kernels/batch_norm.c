// Batch normalisation over images, rows and columns, with what often follows it: the addition of a shortcut, and a ReLU,
// which may have a ceiling; and their gradients: float32, [B, C, H, W].
//
// A shortcut has the same shape, or it is that of He et al., "Deep Residual Learning for Image Recognition" (2016), option
// A: of fewer channels, which go to those in the middle, and of twice as many rows and columns, of which each second counts.
//
// Ioffe and Szegedy, "Batch Normalization" (2015), algorithm 1 and the gradients after it. A channel is one thread's.
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "padding.h"
#include "threads.h"
#include "vector.h"

typedef struct {
    long images, channels, size;       // size: rows times columns
    float epsilon, share;              // share: of the batch's statistics in those that are kept
    float ceiling;                     // of the ReLU; 0 without one
    const float *x, *g, *gamma, *beta;
    const float *added;                // a shortcut, or none
    int fewer;                         // 1 for one of option A
    int stride, first, added_channels; // of that: the first of our channels that has one
    long width, added_width, added_size;
    const float *result;               // of the ReLU, for its gradient; or none
    float *mean, *variance;            // [channels]; an input of the gradient
    const float *kept_mean, *kept_variance;  // [channels], before
    float *moved_mean, *moved_variance;      // [channels], after
    float *y;                          // the output, or the gradient of x
    float *d_gamma, *d_beta;           // [channels]
    float *d_added;                    // what the ReLU lets through of the output's gradient; or none
    float *d_fewer;                    // of option A, instead
} work_t;

INLINE const float *plane(const float *of, const work_t *n, long image, long channel) {
    return of + (image * n->channels + channel) * n->size;
}

// NaNs pass.
INLINE float through_relu(float value, float ceiling) { return value < 0 ? 0 : value > ceiling ? ceiling : value; }

INLINE void give_plane(const work_t *n, const float *x, const float *added, float mean, float scale, float beta, float *y) {
    float ceiling = n->ceiling;
    if (added && ceiling > 0)
        for (long i = 0; i < n->size; i++) y[i] = through_relu((x[i] - mean) * scale + beta + added[i], ceiling);
    else if (added)
        for (long i = 0; i < n->size; i++) y[i] = (x[i] - mean) * scale + beta + added[i];
    else if (ceiling > 0)
        for (long i = 0; i < n->size; i++) y[i] = through_relu((x[i] - mean) * scale + beta, ceiling);
    else
        for (long i = 0; i < n->size; i++) y[i] = (x[i] - mean) * scale + beta;
}

// Of a shortcut of option A, the place of a channel; none where it has zeros.
static long place(const work_t *n, long image, int c) {
    int own = c - n->first;
    return own < 0 || own >= n->added_channels ? -1 : (image * n->added_channels + own) * n->added_size;
}

static const float *shortcut(const work_t *n, long image, int c, int thread) {
    if (!n->added || !n->fewer) return n->added ? plane(n->added, n, image, c) : 0;
    long from = place(n, image, c);
    if (from < 0) return 0;
    float *dense = scratch(thread, n->size);
    for (long i = 0; i * n->width < n->size; i++)
        for (long j = 0; j < n->width; j++)
            dense[i * n->width + j] = n->added[from + n->stride * (i * n->added_width + j)];
    return dense;
}

static void spread(const work_t *n, long image, int c, const float *g) {
    long to = place(n, image, c);
    if (to < 0) return;
    memset(n->d_fewer + to, 0, n->added_size * sizeof(float));
    for (long i = 0; i * n->width < n->size; i++)
        for (long j = 0; j < n->width; j++) n->d_fewer[to + n->stride * (i * n->added_width + j)] = g[i * n->width + j];
}

static void give_channel(const work_t *n, int c, int thread, float mean, float scale, float beta) {
    for (long image = 0; image < n->images; image++) {
        const float *added = shortcut(n, image, c, thread);
        give_plane(n, plane(n->x, n, image, c), added, mean, scale, beta, (float *)plane(n->y, n, image, c));
    }
}

static void forward_channel(int c, int thread, void *work) {
    const work_t *n = work;
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
    give_channel(n, c, thread, mean, scale, beta);
}

// With statistics that were kept, as in inference.
static void kept_channel(int c, int thread, void *work) {
    const work_t *n = work;
    float mean = n->mean[c], scale = n->gamma[c] / sqrtf(n->variance[c] + n->epsilon), beta = n->beta[c];
    give_channel(n, c, thread, mean, scale, beta);
}

// Where the ReLU stopped the output, its gradient stops.
INLINE void let_through(const work_t *n, long image, long c, float *to) {
    const float *g = plane(n->g, n, image, c), *result = plane(n->result, n, image, c);
    float ceiling = n->ceiling;
    for (long i = 0; i < n->size; i++) to[i] = result[i] > 0 && result[i] < ceiling ? g[i] : 0;
}

static void backward_channel(int c, int thread, void *work) {
    const work_t *n = work;
    (void)thread;
    float mean = n->mean[c], deviation = 1 / sqrtf(n->variance[c] + n->epsilon);
    double d_beta = 0, d_gamma = 0, count = (double)n->images * n->size;
    for (long image = 0; image < n->images; image++) {
        const float *x = plane(n->x, n, image, c), *g = plane(n->g, n, image, c);
        if (n->result) {  // into the gradient of x, which takes its place in the end
            float *through = (float *)plane(n->d_added ? n->d_added : n->y, n, image, c);
            let_through(n, image, c, through);
            if (n->d_fewer) spread(n, image, c, through);
            g = through;
        }
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
        const float *x = plane(n->x, n, image, c);
        const float *g = plane(!n->result ? n->g : n->d_added ? n->d_added : n->y, n, image, c);
        float *dx = (float *)plane(n->y, n, image, c);
        long i = 0;
        for (; i + V <= n->size; i += V)  // g may be dx
            *(vec *)(dx + i) = scale * (at(g + i) - of_g - (at(x + i) - mean) * of_x);
        for (; i < n->size; i++) dx[i] = scale * (g[i] - of_g - (x[i] - mean) * of_x);
    }
}

static work_t of(const int64_t *shape) {
    return (work_t){.images = shape[0], .channels = shape[1], .size = (long)shape[2] * shape[3]};
}

// Of what shape the shortcut is.
static void has_shortcut(work_t *n, const int64_t *x, const int64_t *added) {
    n->width = x[3], n->added_width = added[3], n->added_size = (long)added[2] * added[3], n->added_channels = added[1];
    n->stride = stride_of(added, x), n->first = (x[1] - added[1]) / 2;
    n->fewer = x[1] != added[1] || n->size != n->added_size;
}

// x [B, C, H, W], gamma [C], beta [C], kept mean [C], kept variance [C], epsilon and share and ceiling [3]; and a
// shortcut, or nothing
// -> y [B, C, H, W], mean [C], variance [C] (of the batch, biased), kept mean [C], kept variance [C] (of the unbiased one)
OPERATOR(ltdsl_batch_norm) {
    work_t n = of(s[0]);
    n.x = p[0], n.gamma = p[1], n.beta = p[2], n.kept_mean = p[3], n.kept_variance = p[4];
    n.epsilon = ((float *)p[5])[0], n.share = ((float *)p[5])[1], n.ceiling = ((float *)p[5])[2];
    n.added = count == 12 ? p[6] : 0;
    if (n.added) has_shortcut(&n, s[0], s[6]);
    void **to = p + count - 5;
    n.y = to[0], n.mean = to[1], n.variance = to[2], n.moved_mean = to[3], n.moved_variance = to[4];
    enter();
    on_all(forward_channel, &n, n.channels);
    leave();
    return 0;
}

// x [B, C, H, W], gamma [C], beta [C], mean [C], variance [C], epsilon and share and ceiling [3]; and a shortcut, or
// nothing -> y [B, C, H, W]
OPERATOR(ltdsl_kept_norm) {
    work_t n = of(s[0]);
    n.x = p[0], n.gamma = p[1], n.beta = p[2], n.mean = p[3], n.variance = p[4];
    n.epsilon = ((float *)p[5])[0], n.ceiling = ((float *)p[5])[2];
    n.added = count == 8 ? p[6] : 0;
    if (n.added) has_shortcut(&n, s[0], s[6]);
    n.y = p[count - 1];
    enter();
    on_all(kept_channel, &n, n.channels);
    leave();
    return 0;
}

// g [B, C, H, W], x [B, C, H, W], gamma [C], mean [C], variance [C], epsilon and share and ceiling [3]; with a ReLU, its
// result [B, C, H, W]; and perhaps the shortcut -> dx, d_gamma [C], d_beta [C]; and the gradient of the shortcut
OPERATOR(ltdsl_batch_norm_gradient) {
    work_t n = of(s[1]);
    n.g = p[0], n.x = p[1], n.gamma = p[2], n.mean = p[3], n.variance = p[4];
    n.epsilon = ((float *)p[5])[0], n.ceiling = ((float *)p[5])[2];
    int relu = n.ceiling > 0;
    n.result = relu ? p[6] : 0;
    int adds = count == 12;
    void **to = p + 6 + relu + adds;
    n.y = to[0], n.d_gamma = to[1], n.d_beta = to[2];
    if (adds) {
        has_shortcut(&n, s[1], s[7]);
        *(n.fewer ? &n.d_fewer : &n.d_added) = to[3];
    }
    enter();
    on_all(backward_channel, &n, n.channels);
    leave();
    return 0;
}

static void spread_channel(int c, int thread, void *work) {
    const work_t *n = work;
    (void)thread;
    for (long image = 0; image < n->images; image++) spread(n, image, c, plane(n->g, n, image, c));
}

// gradient of what a shortcut of option A was added to [B, C, H, W], shortcut -> gradient of the shortcut
OPERATOR(ltdsl_shortcut_gradient) {
    work_t n = of(s[0]);
    has_shortcut(&n, s[0], s[1]);
    n.g = p[0], n.d_fewer = p[2];
    enter();
    on_all(spread_channel, &n, n.channels);
    leave();
    return 0;
}
