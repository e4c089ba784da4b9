// What is done with all images alike, before and after the layers of a network: float32, [B, C, H, W].
#include <stdint.h>

#include "threads.h"
#include "vector.h"

typedef struct {
    long images, channels, size;  // size: rows times columns, or of a whole image
    const uint8_t *bytes;
    const float *scale, *shift;   // [channels]
    const float *x, *other, *share;
    float *y;
} work_t;

static void on_images(task_t task, work_t n) {
    enter();
    on_all(task, &n, n.images);
    leave();
}

static void normalise_image(int image, int thread, void *work) {
    const work_t *n = work;
    (void)thread;
    for (long c = 0; c < n->channels; c++) {
        long from = (image * n->channels + c) * n->size;
        for (long i = from; i < from + n->size; i++) n->y[i] = n->bytes[i] * n->scale[c] + n->shift[c];
    }
}

static void blend_image(int image, int thread, void *work) {
    const work_t *n = work;
    (void)thread;
    float own = n->share[image], others = 1 - own;
    for (long i = image * n->size; i < (image + 1) * n->size; i++) n->y[i] = own * n->x[i] + others * n->other[i];
}

static void mean_image(int image, int thread, void *work) {
    const work_t *n = work;
    (void)thread;
    for (long c = image * n->channels; c < (image + 1) * n->channels; c++) {
        const float *x = n->x + c * n->size;
        vec part = {0};
        float rest = 0;
        long i = 0;
        for (; i + V <= n->size; i += V) part += at(x + i);
        for (; i < n->size; i++) rest += x[i];
        n->y[c] = (sum(part) + rest) / n->size;
    }
}

static void spread_image(int image, int thread, void *work) {
    const work_t *n = work;
    (void)thread;
    for (long c = image * n->channels; c < (image + 1) * n->channels; c++) {
        float each = n->x[c] / n->size;
        for (long i = c * n->size; i < (c + 1) * n->size; i++) n->y[i] = each;
    }
}

static work_t of(const int64_t *shape) {
    return (work_t){.images = shape[0], .channels = shape[1], .size = (long)shape[2] * shape[3]};
}

// bytes [B, C, H, W], scale [C], shift [C] -> float32 of the same shape
OPERATOR(ltdsl_normalise) {
    work_t n = of(s[0]);
    n.bytes = p[0], n.scale = p[1], n.shift = p[2], n.y = p[3];
    on_images(normalise_image, n);
    return 0;
}

// x [B, ...], other of the same shape, share [B] -> share x + (1 - share) other
OPERATOR(ltdsl_blend) {
    work_t n = {.images = s[0][0], .size = 1, .x = p[0], .other = p[1], .share = p[2], .y = p[3]};
    for (int axis = 1; axis < ranks[0]; axis++) n.size *= s[0][axis];
    on_images(blend_image, n);
    return 0;
}

// x [B, C, H, W] -> its means [B, C]
OPERATOR(ltdsl_pool) {
    work_t n = of(s[0]);
    n.x = p[0], n.y = p[1];
    on_images(mean_image, n);
    return 0;
}

// gradient of the means [B, C], x -> gradient of x [B, C, H, W]
OPERATOR(ltdsl_pool_gradient) {
    work_t n = of(s[1]);
    n.x = p[0], n.y = p[2];
    on_images(spread_image, n);
    return 0;
}
