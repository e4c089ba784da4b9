// Maxima of square windows, and their gradient, which the first of equal pixels has: float32, [B, C, H, W].
//
// The columns of an image are dealt out by their remainder by the stride, so that neighbouring windows read neighbours.
// What lies around an image is less than anything in it. As a NaN is the maximum of its window, it stays visible.
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "threads.h"
#include "vector.h"

typedef int32_t mask __attribute__((vector_size(4 * V), aligned(4)));

typedef struct {
    int height, width, rows, columns;  // of an image, and of its maxima
    int kernel, stride, top, left;
    int vectors;                       // of a row of maxima
    int deep;                          // rows that windows reach over
    long part, row;                    // floats of the columns of one remainder, and of all
    const float *x, *y, *g;
    float *to;
} work_t;

// Padded by nothing (0), as TensorFlow does (1), by half the window (2).
static int border(int padding, int pixels, int maxima, const work_t *n) {
    int missing = (maxima - 1) * n->stride + n->kernel - pixels;
    return padding == 0 || missing < 0 ? 0 : padding == 2 ? n->kernel / 2 : missing / 2;
}

static work_t of(const int64_t *x, const int64_t *y, const float *how) {
    work_t n = {.height = x[2], .width = x[3], .rows = y[2], .columns = y[3], .kernel = how[0], .stride = how[1]};
    n.top = border(how[2], n.height, n.rows, &n), n.left = border(how[2], n.width, n.columns, &n);
    n.vectors = (n.columns + V - 1) / V;
    n.deep = (n.rows - 1) * n.stride + n.kernel;
    n.part = n.vectors * V + (n.kernel - 1) / n.stride + 1;
    n.row = n.stride * n.part;
    return n;
}

// Between rows of an image and those dealt out.
INLINE void deal(const work_t *n, int stride, int back, float *image, float *dealt) {
    for (int i = 0; i < n->height && i + n->top < n->deep; i++)
        for (int first = 0; first < stride && first < n->width; first++) {
            float *pixel = image + (long)i * n->width + first;
            float *to = dealt + (i + n->top) * n->row + (first + n->left) % stride * n->part + (first + n->left) / stride;
            int pixels = (n->width - first + stride - 1) / stride, room = n->part - (first + n->left) / stride;
            if (pixels > room) pixels = room;  // those that no window reaches
            if (back)
                for (int j = 0; j < pixels; j++) pixel[j * stride] = to[j];
            else
                for (int j = 0; j < pixels; j++) to[j] = pixel[j * stride];
        }
}

static void deal_all(const work_t *n, int back, float *image, float *dealt) {
    if (n->stride == 2)
        deal(n, 2, back, image, dealt);
    else
        deal(n, n->stride, back, image, dealt);
}

static float *take(const work_t *n, const float *image, float *to) {
    for (long i = 0; i < n->deep * n->row; i++) to[i] = -INFINITY;
    deal_all(n, 0, (float *)image, to);
    return to;
}

INLINE long tap(const work_t *n, int i, int a, int b) {
    return (long)(i * n->stride + a) * n->row + b % n->stride * n->part + b / n->stride;
}

static void maxima(int plane, int thread, void *work) {
    const work_t *n = work;
    float *x = take(n, n->x + (long)plane * n->height * n->width, scratch(thread, n->deep * n->row));
    float *y = n->to + (long)plane * n->rows * n->columns;
    for (int i = 0; i < n->rows; i++, y += n->columns)
        for (int j = 0; j < n->columns; j += V) {
            vec most = at(x + tap(n, i, 0, 0) + j);
            for (int a = 0; a < n->kernel; a++)
                for (int b = 0; b < n->kernel; b++) {
                    vec each = at(x + tap(n, i, a, b) + j);
                    mask more = (mask)(each > most) | (mask)(each != each);
                    most = (vec)((more & (mask)each) | (~more & (mask)most));
                }
            memcpy(y + j, &most, (n->columns - j < V ? n->columns - j : V) * sizeof(float));
        }
}

static void gradient(int plane, int thread, void *work) {
    const work_t *n = work;
    long size = n->deep * n->row;
    float *dealt = scratch(thread, 2 * size), *x = take(n, n->x + (long)plane * n->height * n->width, dealt), *to = dealt + size;
    const float *y = n->y + (long)plane * n->rows * n->columns, *g = n->g + (long)plane * n->rows * n->columns;
    memset(to, 0, size * sizeof(float));
    for (int i = 0; i < n->rows; i++, y += n->columns, g += n->columns)
        for (int j = 0; j < n->columns; j += V) {
            long some = (n->columns - j < V ? n->columns - j : V) * sizeof(float);
            vec most = {0}, of_most = {0};
            memcpy(&most, y + j, some), memcpy(&of_most, g + j, some);
            mask open = (mask)(most == most) | (mask)(most != most);
            for (int a = 0; a < n->kernel; a++)
                for (int b = 0; b < n->kernel; b++) {
                    long place = tap(n, i, a, b) + j;
                    vec each = at(x + place);
                    mask is = open & ((mask)(each == most) | (mask)(each != each));
                    *(vec *)(to + place) += (vec)(is & (mask)of_most);
                    open &= ~is;
                }
        }
    float *dx = n->to + (long)plane * n->height * n->width;
    memset(dx, 0, (long)n->height * n->width * sizeof(float));
    deal_all(n, 1, dx, to);
}

// x [B, C, H, W], [size of a window, stride, padding] -> maxima [B, C, h, w]
OPERATOR(ltdsl_max_pool) {
    work_t n = of(s[0], s[2], p[1]);
    n.x = p[0], n.to = p[2];
    enter();
    on_all(maxima, &n, s[0][0] * s[0][1]);
    leave();
    return 0;
}

// gradient of the maxima, x, maxima, [size of a window, stride, padding] -> gradient of x
OPERATOR(ltdsl_max_pool_gradient) {
    work_t n = of(s[1], s[0], p[3]);
    n.g = p[0], n.x = p[1], n.y = p[2], n.to = p[4];
    enter();
    on_all(gradient, &n, s[1][0] * s[1][1]);
    leave();
    return 0;
}
