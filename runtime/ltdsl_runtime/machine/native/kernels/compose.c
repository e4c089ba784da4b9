// CAM-BS: pastes an image that was warped over itself, where the foreground of either is; float32, [B, C, H, W].
#include <stdint.h>
#include <string.h>

#include "threads.h"
#include "vector.h"

#define KEEP 0  // the kind of images that stay as they are

typedef struct {
    long channels, height, width;
    const float *x, *matrix;  // from target to source pixels, [B, 2, 3]
    const uint8_t *mask;
    const int32_t *kind;
    float *y;
} work_t;

// Between four neighbours: a source at whole numbers is copied exactly.
INLINE float between(float above, float next, float below, float last, float right, float down) {
    return (1 - down) * ((1 - right) * above + right * next) + down * ((1 - right) * below + right * last);
}

static void compose_image(int image, int thread, void *work) {
    const work_t *n = work;
    const float *a = n->matrix + 6 * image;
    long width = n->width, size = n->height * width, from = image * n->channels * size;
    const uint8_t *mask = n->mask + image * size;
    (void)thread;
    memcpy(n->y + from, n->x + from, n->channels * size * sizeof(float));
    if (n->kind[image] == KEEP) return;
    for (long i = 0; i < n->height; i++)
        for (long j = 0; j < width; j++) {
            float x = a[0] * j + a[1] * i + a[2], y = a[3] * j + a[4] * i + a[5];
            if (!(x >= 0 && x <= width - 1 && y >= 0 && y <= n->height - 1)) continue;
            long left = x, top = y, next = left + 1 < width, below = top + 1 < n->height ? width : 0;
            float right = x - left, down = y - top;
            const uint8_t *m = mask + top * width + left;
            if (!mask[i * width + j] && between(m[0], m[next], m[below], m[below + next], right, down) < 0.5f) continue;
            for (long c = 0; c < n->channels; c++) {
                const float *p = n->x + from + c * size + top * width + left;
                n->y[from + c * size + i * width + j] = between(p[0], p[next], p[below], p[below + next], right, down);
            }
        }
}

// images [B, C, H, W], foregrounds, bool [B, H, W], kinds, int32 [B], from target to source pixels [B, 2, 3] -> images
OPERATOR(ltdsl_compose) {
    work_t n = {.channels = s[0][1], .height = s[0][2], .width = s[0][3], .x = p[0], .mask = p[1], .kind = p[2],
                .matrix = p[3], .y = p[4]};
    enter();
    on_all(compose_image, &n, s[0][0]);
    leave();
    return 0;
}
