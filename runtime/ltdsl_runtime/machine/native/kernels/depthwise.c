// Convolutions of each channel with a kernel of its own, stride 1 or 2, and their gradients: float32, [B, C, H, W].
//
// A channel of an image is copied into rows with zeros around them; of stride 2, into four planes, of even and odd rows
// and columns, so that neighbouring outputs read neighbouring inputs. Then four rows of outputs are added up at once.
#include <stdint.h>
#include <string.h>

#include "padding.h"
#include "threads.h"
#include "vector.h"

#define ROWS 4
#define MOST_TAPS 121   // of a kernel of 11 x 11
#define FLOATS 32768    // of images that a thread takes at once
#define SUMMED 512      // vectors that the weights' gradient adds up in single precision, of whole images

typedef struct {
    int images, channels, kernel, stride;
    int x_height, x_width, height, width;  // of images and of outputs
    int top, left;                         // zeros before an image
    int vectors;                           // of an output's row
    int rows;                              // of one of the padded planes, which are stride x stride
    long row, plane;                       // floats of a padded row, and of all padded planes
    long offset[MOST_TAPS];                // of a tap within them
    int turned;                            // whether kernels are turned by half a circle
    const float *x, *g, *w;
    float *y;
} work_t;

static work_t layout(work_t n) {
    int reach = (n.kernel - 1) / n.stride;
    n.vectors = (n.width + V - 1) / V;
    n.row = n.vectors * V + reach;
    n.rows = n.height + reach;
    n.plane = n.stride * n.stride * n.rows * n.row;
    for (int a = 0; a < n.kernel; a++)
        for (int b = 0; b < n.kernel; b++)
            n.offset[a * n.kernel + b] =
                (a % n.stride * n.stride + b % n.stride) * n.rows * n.row + a / n.stride * n.row + b / n.stride;
    return n;
}

static long planes_at_once(const work_t *n) {
    long size = (long)n->x_height * n->x_width;
    return size < FLOATS ? FLOATS / size : 1;
}

static long parts(const work_t *n) {
    long all = (long)n->images * n->channels, some = planes_at_once(n);
    return (all + some - 1) / some;
}

// Zeros but for what `pad_plane` writes, which is the same for all planes.
static float *empty_plane(const work_t *n, int thread, long more) {
    float *padded = scratch(thread, n->plane + V + more);
    memset(padded, 0, (n->plane + V + more) * sizeof(float));
    return padded;
}

INLINE void pad_plane(const work_t *n, int stride, const float *x, float *to) {
    for (int i = 0; i < n->x_height; i++, x += n->x_width) {
        int y = i + n->top;
        if (y / stride >= n->rows) continue;  // a last row that no output reads
        for (int phase = 0; phase < stride; phase++) {
            float *row = to + ((y % stride * stride + phase) * n->rows + y / stride) * n->row;
            int first = n->left > phase ? (n->left - phase + stride - 1) / stride : 0;
            const float *from = x + first * stride + phase - n->left;
            long some = (x + n->x_width - from + stride - 1) / stride;
            if (some > n->row - first) some = n->row - first;
            for (long m = 0; m < some; m++) row[first + m] = from[m * stride];
        }
    }
}

static void pad(const work_t *n, const float *x, float *to) {
    if (n->stride == 1)
        pad_plane(n, 1, x, to);
    else
        pad_plane(n, 2, x, to);
}

// ---- forward, and the gradient of images of stride 1 ------------------------------------------------------------

INLINE void convolve_plane(const work_t *n, int kernel, const float *padded, const float *w, float *y) {
    for (int first = 0; first < n->height; first += ROWS)
        for (int column = 0; column < n->width; column += V) {
            const float *x[ROWS];
            vec total[ROWS];
            for (int r = 0; r < ROWS; r++) {  // the last rows compute the last one more than once
                int row = first + r < n->height ? first + r : n->height - 1;
                x[r] = padded + row * n->row + column;
                total[r] = (vec){0};
            }
            for (int t = 0; t < kernel * kernel; t++)
                for (int r = 0; r < ROWS; r++) total[r] += w[t] * at(x[r] + n->offset[t]);
            int left = n->width - column;
            for (int r = 0; r < ROWS && first + r < n->height; r++) {
                float *to = y + (first + r) * n->width + column;
                if (left >= V)
                    *(vec *)to = total[r];
                else
                    memcpy(to, &total[r], left * sizeof(float));
            }
        }
}

static void convolve_part(int part, int thread, void *work) {
    const work_t *n = work;
    int taps = n->kernel * n->kernel;
    long all = (long)n->images * n->channels, some = planes_at_once(n), from = part * some;
    float *padded = empty_plane(n, thread, 0), kernel[MOST_TAPS];
    for (long plane = from; plane < all && plane < from + some; plane++) {
        const float *w = n->w + plane % n->channels * taps;
        for (int t = 0; t < taps; t++) kernel[t] = w[n->turned ? taps - 1 - t : t];
        pad(n, n->x + plane * n->x_height * n->x_width, padded);
        float *y = n->y + plane * n->height * n->width;
        if (n->kernel == 3)
            convolve_plane(n, 3, padded, kernel, y);  // its loops unrolled
        else if (n->kernel == 5)
            convolve_plane(n, 5, padded, kernel, y);
        else
            convolve_plane(n, n->kernel, padded, kernel, y);
    }
}

// ---- the gradient of images of stride 2 -------------------------------------------------------------------------

// `n` is about the convolution; rows are padded by half a kernel on both sides. Even and odd columns are added up apart:
// of a row's taps, each sees one of them.
static void spread_part(int part, int thread, void *work) {
    const work_t *n = work;
    int kernel = n->kernel, border = kernel / 2;
    long columns = (n->x_width + n->left + 1) / 2, vectors = (columns + V - 1) / V;
    long row = vectors * V + 2 * border, rows = n->height + 2 * border, size = row * rows + V;
    long all = (long)n->images * n->channels, some = planes_at_once(n), from = part * some;
    float *padded = scratch(thread, size + 2 * vectors * V), *both = padded + size;
    memset(padded, 0, size * sizeof(float));
    for (long plane = from; plane < all && plane < from + some; plane++) {
        const float *w = n->w + plane % n->channels * kernel * kernel, *g = n->g + plane * n->height * n->width;
        float *dx = n->y + plane * n->x_height * n->x_width;
        for (int i = 0; i < n->height; i++)
            memcpy(padded + (i + border) * row + border, g + i * n->width, n->width * sizeof(float));
        for (int y = n->top; y < n->top + n->x_height; y++, dx += n->x_width) {
            for (long column = 0; column < columns; column += V) {
                vec even = {0}, odd = {0};
                for (int a = y % 2; a < kernel; a += 2) {
                    const float *line = padded + ((y - a) / 2 + border) * row + column + border, *tap = w + a * kernel;
                    for (int b = 0; b < kernel; b += 2) even += tap[b] * at(line - b / 2);
                    for (int b = 1; b < kernel; b += 2) odd += tap[b] * at(line - b / 2);
                }
                for (int i = 0; i < V; i++) both[2 * (column + i)] = even[i], both[2 * (column + i) + 1] = odd[i];
            }
            memcpy(dx, both + n->left, n->x_width * sizeof(float));
        }
    }
}

// ---- the gradient of the weights --------------------------------------------------------------------------------

// Adds to the sums of a few taps, from `tap` on, which share the vectors of `g`.
INLINE void add_taps(const work_t *n, const float *padded, const float *g, int tap, int taps, vec *sums) {
    vec total[9];
    for (int t = 0; t < taps; t++) total[t] = sums[tap + t];
    for (int i = 0; i < n->height; i++)
        for (int v = 0; v < n->vectors; v++, g += V) {
            const float *x = padded + i * n->row + v * V;
            for (int t = 0; t < taps; t++) total[t] += at(g) * at(x + n->offset[tap + t]);
        }
    for (int t = 0; t < taps; t++) sums[tap + t] = total[t];
}

static void weights_channel(int channel, int thread, void *work) {
    const work_t *n = work;
    int taps = n->kernel * n->kernel, width = n->vectors * V, copied = width != n->width;
    long x_size = (long)n->x_height * n->x_width, g_size = (long)n->height * n->width;
    int together = SUMMED / (n->height * n->vectors);
    float *padded = empty_plane(n, thread, n->height * width), *rows = padded + n->plane + V;
    double sums[MOST_TAPS] = {0};
    vec part[MOST_TAPS] = {{0}};
    for (int image = 0; image < n->images; image++) {
        long plane = (long)image * n->channels + channel;
        const float *g = n->g + plane * g_size;
        pad(n, n->x + plane * x_size, padded);
        if (copied) {  // vectors would end in other rows
            for (int i = 0; i < n->height; i++) memcpy(rows + i * width, g + i * n->width, n->width * sizeof(float));
            g = rows;
        }
        if (n->kernel == 3)
            add_taps(n, padded, g, 0, 9, part);
        else
            for (int t = 0; t < taps; t += 5)
                if (t + 5 <= taps)
                    add_taps(n, padded, g, t, 5, part);
                else
                    for (; t < taps; t++) add_taps(n, padded, g, t, 1, part);
        if (together > 1 && (image + 1) % together && image + 1 < n->images) continue;
        for (int t = 0; t < taps; t++) sums[t] += sum(part[t]), part[t] = (vec){0};
    }
    for (int t = 0; t < taps; t++) n->y[channel * taps + t] = sums[t];
}

// ---- operators --------------------------------------------------------------------------------------------------

static work_t of(const int64_t *x, const int64_t *w, const int64_t *y, const float *same) {
    int stride = stride_of(x, y);
    return (work_t){.images = x[0], .channels = x[1], .kernel = w[2], .stride = stride, .x_height = x[2],
                    .x_width = x[3], .height = y[2], .width = y[3], .top = before(x[2], y[2], w[2], stride, *same),
                    .left = before(x[3], y[3], w[2], stride, *same)};
}

static void convolve(work_t n) {
    n = layout(n);
    on_all(convolve_part, &n, parts(&n));
}

// images [B, C, H, W], weights [C, 1, k, k], padding [1] -> [B, C, ceil(H / stride), ceil(W / stride)]
OPERATOR(ltdsl_depthwise) {
    work_t n = of(s[0], s[1], s[3], p[2]);
    n.x = p[0], n.w = p[1], n.y = p[3];
    enter();
    convolve(n);
    leave();
    return 0;
}

// gradient of the output, weights [C, 1, k, k], images, padding [1] -> gradient of the images [B, C, H, W]
OPERATOR(ltdsl_depthwise_images_gradient) {
    work_t n = of(s[2], s[1], s[0], p[3]);
    n.x = n.g = p[0], n.w = p[1], n.y = p[4];
    enter();
    if (n.stride == 2) {
        on_all(spread_part, &n, parts(&n));
    } else {
        n.turned = 1;
        convolve(n);
    }
    leave();
    return 0;
}

// gradient of the output, images, weights [C, 1, k, k], padding [1] -> gradient of the weights [C, 1, k, k]
OPERATOR(ltdsl_depthwise_weights_gradient) {
    work_t n = layout(of(s[1], s[2], s[0], p[3]));
    n.g = p[0], n.x = p[1], n.y = p[4];
    enter();
    on_all(weights_channel, &n, n.channels);
    leave();
    return 0;
}
