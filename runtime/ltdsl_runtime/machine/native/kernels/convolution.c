// Convolutions of stride 1 or 2, padded to outputs of the same size or half of it, and their gradients: float32, [B, C, H, W].
//
// An image is copied into rows with zeros around them; of stride 2, into four images, of even and odd rows and columns,
// so that neighbouring outputs read neighbouring inputs. Then a tile of four output channels by three vectors of a row
// stays in registers while all inputs and taps are added up. Nothing is gathered into a matrix first, and layouts stay
// as MindSpore has them.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "padding.h"
#include "pointwise.h"
#include "threads.h"
#include "vector.h"
#include "winograd.h"

#define OUTPUTS 4
#define VECTORS 3
#define PARTS 16       // of the weights' gradient: fixed, so that results do not depend on the number of threads
#define GROUP_FROM 128 // vectors of images that the weights' gradient takes at once, and the least of a part of a batch
#define MOST_TAPS 121  // of a kernel of 11 x 11

typedef struct {
    int images, inputs, outputs, kernel;
    int x_height, x_width, height, width;  // of the input and of the output
    int top, left;          // zeros before an image
    int stride;
    int vectors;            // of an output's row
    int rows;               // of one of the padded images, which are stride x stride
    long row, plane;        // floats of a padded row, and of a padded channel
    long offset[MOST_TAPS]; // of a tap within it
    const float *x;         // [images, inputs, x_height, x_width]
    const float *g;         // [images, outputs, height, width]
    float *y;               // [images, outputs, height, width]
    float *weights;         // packed: [outputs / OUTPUTS, inputs, kernel, kernel, OUTPUTS]
    int parts, shares;      // of the batch; of the outputs
    float *padded;          // all images, where more than one share reads them; or none
    float *sums;            // [parts, outputs, inputs, kernel, kernel]
} work_t;

static int blocks(int outputs) { return (outputs + OUTPUTS - 1) / OUTPUTS; }

static void *zeros(long floats) {
    void *memory = calloc(floats, sizeof(float));
    if (!memory) abort();
    return memory;
}

static work_t layout(work_t c) {
    int reach = (c.kernel - 1) / c.stride;
    c.vectors = (c.width + V - 1) / V;
    c.row = c.vectors * V + reach;
    c.rows = c.height + reach;
    c.plane = c.stride * c.stride * c.rows * c.row;
    for (int a = 0; a < c.kernel; a++)
        for (int b = 0; b < c.kernel; b++)
            c.offset[a * c.kernel + b] =
                (a % c.stride * c.stride + b % c.stride) * c.rows * c.row + a / c.stride * c.row + b / c.stride;
    return c;
}

static void pad_image(const work_t *c, const float *x, float *to) {
    for (int channel = 0; channel < c->inputs; channel++, to += c->plane)
        for (int i = 0; i < c->x_height; i++, x += c->x_width) {
            int y = i + c->top;
            if (y / c->stride >= c->rows) continue;  // a last row that no output reads
            float *row = to + (y % c->stride * c->stride * c->rows + y / c->stride) * c->row;
            if (c->stride == 1) {
                memcpy(row + c->left, x, c->x_width * sizeof(float));
                continue;
            }
            for (int first = 0; first < 2 && first < c->x_width; first++) {  // each second pixel from this one on
                int column = first + c->left;
                float *half = row + column % 2 * c->rows * c->row + column / 2;
                long pixels = (c->x_width - first + 1) / 2, room = c->row - column / 2;
                if (pixels > room) pixels = room;
                for (long j = 0; j < pixels; j++) half[j] = x[first + 2 * j];
            }
        }
}

// ---- forward, and the gradient of the images --------------------------------------------------------------------

INLINE void tile(const work_t *c, int taps, const float *x[VECTORS], const float *w, vec total[OUTPUTS][VECTORS]) {
    for (int o = 0; o < OUTPUTS; o++)
        for (int v = 0; v < VECTORS; v++) total[o][v] = (vec){0};
    const float *x0 = x[0], *x1 = x[1], *x2 = x[2];
    for (int channel = 0; channel < c->inputs; channel++, x0 += c->plane, x1 += c->plane, x2 += c->plane)
        for (int t = 0; t < taps; t++, w += OUTPUTS) {
            long offset = c->offset[t];
            vec v0 = at(x0 + offset), v1 = at(x1 + offset), v2 = at(x2 + offset);
            for (int o = 0; o < OUTPUTS; o++) {
                total[o][0] += w[o] * v0;
                total[o][1] += w[o] * v1;
                total[o][2] += w[o] * v2;
            }
        }
}

INLINE void convolve_image(const work_t *c, int taps, const float *padded, float *y) {
    int last = c->height * c->vectors - 1;
    for (int block = 0; block < blocks(c->outputs); block++) {
        const float *w = c->weights + (long)block * c->inputs * taps * OUTPUTS;
        for (int first = 0; first <= last; first += VECTORS) {
            int row[VECTORS], column[VECTORS];
            const float *x[VECTORS];
            for (int v = 0; v < VECTORS; v++) {  // the last tile computes its last vector more than once
                int place = first + v < last ? first + v : last;
                row[v] = place / c->vectors, column[v] = place % c->vectors * V;
                x[v] = padded + row[v] * c->row + column[v];
            }
            vec total[OUTPUTS][VECTORS];
            tile(c, taps, x, w, total);
            for (int o = 0; o < OUTPUTS && block * OUTPUTS + o < c->outputs; o++)
                for (int v = 0; v < VECTORS; v++) {
                    float *to = y + ((long)(block * OUTPUTS + o) * c->height + row[v]) * c->width + column[v];
                    int left = c->width - column[v];
                    if (left >= V)
                        *(vec *)to = total[o][v];
                    else
                        memcpy(to, &total[o][v], left * sizeof(float));
                }
        }
    }
}

static void convolve_part(int image, int thread, void *work) {
    const work_t *c = work;
    long floats = c->plane * c->inputs + V;
    float *padded = scratch(thread, floats);
    memset(padded, 0, floats * sizeof(float));
    pad_image(c, c->x + (long)image * c->inputs * c->x_height * c->x_width, padded);
    float *y = c->y + (long)image * c->outputs * c->height * c->width;
    if (c->kernel == 3)
        convolve_image(c, 9, padded, y);  // its loops unrolled
    else
        convolve_image(c, c->kernel * c->kernel, padded, y);
}

// `turned`: the weights are [inputs, outputs, kernel, kernel], and each kernel is turned by half a circle.
static void convolve_all(work_t c, const float *weights, int turned) {
    int taps = c.kernel * c.kernel;
    c.weights = zeros((long)blocks(c.outputs) * OUTPUTS * c.inputs * taps);
    for (int o = 0; o < c.outputs; o++)
        for (int i = 0; i < c.inputs; i++)
            for (int t = 0; t < taps; t++)
                c.weights[(((long)(o / OUTPUTS) * c.inputs + i) * taps + t) * OUTPUTS + o % OUTPUTS] =
                    turned ? weights[((long)i * c.outputs + o) * taps + taps - 1 - t]
                           : weights[((long)o * c.inputs + i) * taps + t];
    on_all(convolve_part, &c, c.images);
    free(c.weights);
}

// ---- the gradient of images of stride 2 -------------------------------------------------------------------------

// A quarter of the pixels: of each second row and column, from (`y0`, `x0`) on. Only the taps that reach them are added up,
// of the output's gradient, which has half a kernel of zeros around it.
typedef struct {
    work_t c;               // its output is the quarter, its input the gradient
    int y0, x0, taps;
    int border, all_height, all_width;
} quarter_t;

static void spread_part(int image, int thread, void *work) {
    const quarter_t *quarters = work;
    const work_t *c = &quarters->c;
    int border = quarters->border, height = quarters->all_height, width = quarters->all_width;
    long floats = c->plane * c->inputs + V, size = (long)c->x_height * c->x_width;
    float *padded = scratch(thread, floats + (long)c->outputs * (height + 1) / 2 * ((width + 1) / 2)), *some = padded + floats;
    memset(padded, 0, floats * sizeof(float));
    for (int channel = 0; channel < c->inputs; channel++)
        for (int i = 0; i < c->x_height; i++)
            memcpy(padded + channel * c->plane + (i + border) * c->row + border,
                   c->x + ((long)image * c->inputs + channel) * size + (long)i * c->x_width, c->x_width * sizeof(float));
    float *y = c->y + (long)image * c->outputs * height * width;
    for (const quarter_t *q = quarters; q < quarters + 4; q++) {
        if (!q->c.height || !q->c.width) continue;
        convolve_image(&q->c, q->taps, padded, some);
        const float *from = some;
        for (int o = 0; o < c->outputs; o++)
            for (int i = q->y0; i < height; i += 2)
                for (int j = q->x0; j < width; j += 2) y[((long)o * height + i) * width + j] = *from++;
    }
}

// `c`: its output is the gradient of the images, its input that of their outputs; its padding is the convolution's own.
static void spread_all(work_t c, const float *weights) {
    int kernel = c.kernel, border = kernel / 2;
    quarter_t quarters[4];
    c.row = ((c.width + 1) / 2 + V - 1) / V * V + 2 * border;
    c.rows = c.x_height + 2 * border;
    c.plane = c.rows * c.row;
    for (int each = 0; each < 4; each++) {
        int y0 = each / 2, x0 = each % 2, taps = 0, tap[MOST_TAPS];
        work_t n = c;
        n.height = (c.height - y0 + 1) / 2, n.width = (c.width - x0 + 1) / 2;
        n.vectors = (n.width + V - 1) / V;
        for (int a = kernel - 1; a >= 0; a--)
            for (int b = kernel - 1; b >= 0; b--) {
                if ((y0 + c.top - a) % 2 || (x0 + c.left - b) % 2) continue;
                n.offset[taps] = ((y0 + c.top - a) / 2 + border) * c.row + (x0 + c.left - b) / 2 + border;
                tap[taps++] = a * kernel + b;
            }
        n.weights = zeros((long)blocks(c.outputs) * OUTPUTS * c.inputs * taps + 1);
        for (int o = 0; o < c.outputs; o++)
            for (int i = 0; i < c.inputs; i++)
                for (int t = 0; t < taps; t++)
                    n.weights[(((long)(o / OUTPUTS) * c.inputs + i) * taps + t) * OUTPUTS + o % OUTPUTS] =
                        weights[((long)i * c.outputs + o) * kernel * kernel + tap[t]];
        quarters[each] = (quarter_t){n, y0, x0, taps, border, c.height, c.width};
    }
    on_all(spread_part, quarters, c.images);
    for (int each = 0; each < 4; each++) free(quarters[each].c.weights);
}

// ---- the gradient of the weights --------------------------------------------------------------------------------

// Adds to [OUTPUTS][taps] of one input: a few taps, from `tap` on, share the vectors of `g`.
INLINE void weights_tile(const work_t *c, int images, const float *g, const float *x, int tap, int taps, float *to) {
    long g_row = c->vectors * V, g_plane = c->height * g_row, g_image = g_plane * blocks(c->outputs) * OUTPUTS;
    vec total[OUTPUTS][VECTORS];
    for (int o = 0; o < OUTPUTS; o++)
        for (int b = 0; b < taps; b++) total[o][b] = (vec){0};
    for (int image = 0; image < images; image++)
        for (int i = 0; i < c->height; i++) {
            const float *g_at = g + image * g_image + i * g_row;
            const float *x_at = x + image * c->plane * c->inputs + i * c->row;
            for (int v = 0; v < c->vectors; v++, g_at += V, x_at += V) {
                vec neighbours[VECTORS];
                for (int b = 0; b < taps; b++) neighbours[b] = at(x_at + c->offset[tap + b]);
                for (int o = 0; o < OUTPUTS; o++) {
                    vec of_output = at(g_at + o * g_plane);
                    for (int b = 0; b < taps; b++) total[o][b] += of_output * neighbours[b];
                }
            }
        }
    for (int o = 0; o < OUTPUTS; o++)
        for (int b = 0; b < taps; b++)
            to[(long)o * c->inputs * c->kernel * c->kernel + tap + b] += sum(total[o][b]);
}

static int group(const work_t *c) {
    int images = GROUP_FROM / (c->height * c->vectors);
    return images < 1 ? 1 : images > 16 ? 16 : images;
}

static void padded_part(int image, int thread, void *work) {
    const work_t *c = work;
    (void)thread;
    pad_image(c, c->x + (long)image * c->inputs * c->x_height * c->x_width, c->padded + image * c->plane * c->inputs);
}

static void weights_part(int number, int thread, void *work) {
    const work_t *c = work;
    int taps = c->kernel * c->kernel, outputs = blocks(c->outputs) * OUTPUTS;
    int part = number / c->shares, share = number % c->shares;
    long from = (long)c->images * part / c->parts, to = (long)c->images * (part + 1) / c->parts;
    int first = blocks(c->outputs) * share / c->shares * OUTPUTS;
    int end = blocks(c->outputs) * (share + 1) / c->shares * OUTPUTS;
    if (first == end) return;
    long x_image = c->plane * c->inputs, g_row = c->vectors * V, g_image = outputs * c->height * g_row;
    int copied = c->width % V || c->outputs % OUTPUTS;  // where vectors would end in other rows or channels
    long own = c->padded ? 0 : group(c) * x_image, floats = own + copied * group(c) * g_image + 2 * V;
    float *padded = scratch(thread, floats), *rows = padded + own + V;
    float *sums = c->sums + part * (long)outputs * c->inputs * taps;
    memset(padded, 0, floats * sizeof(float));
    for (long image = from; image < to; image += group(c)) {
        int images = to - image < group(c) ? to - image : group(c);
        for (int m = 0; m < images; m++) {
            if (!c->padded) pad_image(c, c->x + (image + m) * c->inputs * c->x_height * c->x_width, padded + m * x_image);
            const float *of_image = c->g + (image + m) * c->outputs * c->height * c->width;
            long last = (long)(end < c->outputs ? end : c->outputs) * c->height;
            for (long i = (long)first * c->height; copied && i < last; i++)
                memcpy(rows + m * g_image + i * g_row, of_image + i * c->width, c->width * sizeof(float));
        }
        const float *g = copied ? rows : c->g + image * g_image, *of_images = c->padded ? c->padded + image * x_image : padded;
        for (int o = first; o < end; o += OUTPUTS)
            for (int channel = 0; channel < c->inputs; channel++)
                for (int t = 0; t < taps;) {
                    float *of_channel = sums + ((long)o * c->inputs + channel) * taps;
                    const float *of_outputs = g + o * c->height * g_row, *x = of_images + channel * c->plane;
                    if (t + VECTORS <= taps)
                        weights_tile(c, images, of_outputs, x, t, VECTORS, of_channel), t += VECTORS;
                    else
                        weights_tile(c, images, of_outputs, x, t, 1, of_channel), t++;
                }
    }
}

static void weights_all(work_t c, float *gradient) {
    long used = (long)c.outputs * c.inputs * c.kernel * c.kernel;
    long size = (long)blocks(c.outputs) * OUTPUTS * c.inputs * c.kernel * c.kernel;
    long parts = (long)c.images * c.height * c.vectors / GROUP_FROM;  // small ones would add up vectors more than rows
    c.parts = parts < 1 ? 1 : parts < PARTS ? parts : PARTS;
    c.shares = PARTS / c.parts;
    c.sums = zeros(size * c.parts);
    if (c.shares > 1) {
        c.padded = zeros(c.images * c.plane * c.inputs + V);
        on_all(padded_part, &c, c.images);
    }
    on_all(weights_part, &c, c.parts * c.shares);
    free(c.padded);
    for (long each = 0; each < used; each++) {
        float total = 0;
        for (int part = 0; part < c.parts; part++) total += c.sums[part * size + each];
        gradient[each] = total;
    }
    free(c.sums);
}

static shape_t shape(const work_t *c) {
    return (shape_t){c->images, c->inputs, c->outputs, c->height, c->width};
}

static pointwise_t points(const work_t *c) {
    return (pointwise_t){c->images, c->inputs, c->outputs, c->x_height, c->x_width, c->height, c->width, c->stride};
}

static int is_3x3(const work_t *c) { return c->kernel == 3 && c->stride == 1; }

// ---- operators --------------------------------------------------------------------------------------------------

static void pad_before(work_t *c, const int64_t *x, const int64_t *y, const float *same, int stride) {
    c->top = before(x[2], y[2], c->kernel, stride, *same), c->left = before(x[3], y[3], c->kernel, stride, *same);
}

// images [B, I, H, W], weights [O, I, k, k], padding [1] -> [B, O, ceil(H / stride), ceil(W / stride)]
OPERATOR(ltdsl_convolve) {
    work_t c = {.images = s[0][0], .inputs = s[0][1], .outputs = s[1][0], .kernel = s[1][2],
                .x_height = s[0][2], .x_width = s[0][3], .height = s[3][2], .width = s[3][3],
                .stride = stride_of(s[0], s[3]), .x = p[0], .y = p[3]};
    pad_before(&c, s[0], s[3], p[2], c.stride);
    enter();
    if (c.kernel == 1)
        pointwise(points(&c), p[0], p[1], p[3]);
    else if (is_3x3(&c) && winograd_fits(shape(&c)))
        winograd(shape(&c), p[0], p[1], 0, p[3]);
    else
        convolve_all(layout(c), p[1], 0);
    leave();
    return 0;
}

// gradient of the output, weights [O, I, k, k], images, padding [1] -> gradient of the images [B, I, H, W]
OPERATOR(ltdsl_images_gradient) {
    work_t c = {.images = s[0][0], .inputs = s[0][1], .outputs = s[1][1], .kernel = s[1][2], .stride = 1,
                .x_height = s[0][2], .x_width = s[0][3], .height = s[4][2], .width = s[4][3], .x = p[0], .y = p[4]};
    int stride = stride_of(s[4], s[0]);
    pad_before(&c, s[4], s[0], p[3], stride);
    enter();
    if (c.kernel == 1)
        pointwise_images((pointwise_t){c.images, c.outputs, c.inputs, c.height, c.width, c.x_height, c.x_width, stride}, p[0],
                         p[1], p[4]);
    else if (stride == 2)
        spread_all(c, p[1]);
    else if (is_3x3(&c) && winograd_fits(shape(&c)))
        winograd(shape(&c), p[0], p[1], 1, p[4]);
    else
        convolve_all(layout(c), p[1], 1);
    leave();
    return 0;
}

// gradient of the output, images, weights [O, I, k, k], padding [1] -> gradient of the weights [O, I, k, k]
OPERATOR(ltdsl_weights_gradient) {
    work_t c = {.images = s[1][0], .inputs = s[1][1], .outputs = s[0][1], .kernel = s[2][2],
                .x_height = s[1][2], .x_width = s[1][3], .height = s[0][2], .width = s[0][3],
                .stride = stride_of(s[1], s[0]), .x = p[1], .g = p[0]};
    pad_before(&c, s[1], s[0], p[3], c.stride);
    enter();
    if (c.kernel == 1)
        pointwise_weights(points(&c), p[1], p[0], p[4]);
    else if (is_3x3(&c) && winograd_fits_weights(shape(&c)))
        winograd_weights(shape(&c), p[1], p[0], p[4]);
    else
        weights_all(layout(c), p[4]);
    leave();
    return 0;
}
