// Winograd's method for many channels: all tiles of all images are transformed first, so that a matrix product of each of
// the 36 points reads the kernels, which are what is large, once. The method: tiles.h.
#include <string.h>

#include "gradient_tiles.h"
#include "threads.h"
#include "tiles.h"
#include "winograd.h"

#define CHUNK 128       // outputs whose kernels are transformed at once, so that a cache holds them until they are used
#define ROW_BLOCK 16    // inputs of a part of the weights' gradient
#define LEAST 48        // channels of either side from which the weights' gradient was measured to pay
#define LARGE (128 * 128) // kernels from which it pays however many tiles there are
#if W == 16
#define LEAST_KERNELS LARGE // from which forward pays
#define MOST_FLOATS (1 << 23) // of transformed tiles, otherwise
#define WIDE 4          // vectors of outputs of a part
#else
#define LEAST_KERNELS (4 * LARGE)
#define MOST_FLOATS (1 << 22)
#define WIDE 2
#endif
#define SLICE (1 << 24) // of transformed tiles at once, and at least those of W images

typedef struct {
    shape_t s;
    int groups, down, across, tiles;  // of images; tiles of an image, and of all
    int turned, first, blocks;        // the outputs at work: the first one, and how many OUTPUTS of them
    int vectors, adds;                // for the weights' gradient: of all outputs; to what earlier images gave
    const float *x, *g, *kernels;
    lanes *v, *m;
    float *u, *y;
    long v_apart, m_apart, u_apart;   // of points
} work_t;

int winograd_many_fits(shape_t s) { return (long)s.inputs * s.outputs >= LEAST_KERNELS; }

int winograd_many_fits_weights(shape_t s) {
    long floats = (long)POINTS * up(s.images, W) * W * up(s.height, 4) * up(s.width, 4) * (s.inputs + s.outputs);
    return least(s.inputs, s.outputs) >= LEAST && (floats <= MOST_FLOATS || (long)s.inputs * s.outputs >= LARGE);
}

static work_t divided(shape_t s) {
    work_t c = {.s = s, .groups = up(s.images, W), .down = up(s.height, 4), .across = up(s.width, 4)};
    c.tiles = c.groups * c.down * c.across;
    c.vectors = up(s.outputs, W);
    // one vector more, so that the points of a tile do not lie in the same sets of a cache
    c.v_apart = (long)s.inputs * c.tiles + 1;
    return c;
}

// Images whose tiles are there at once.
static int slice(shape_t s, int channels) {
    long each = (long)POINTS * W * up(s.height, 4) * up(s.width, 4) * channels;
    return (each < SLICE ? SLICE / each : 1) * W;
}

// A channel of a group of images, whole, with `edge` zeros before and at least as many behind.
static void take_channel(const work_t *c, const float *of, int channels, int channel, int group, int edge, lanes *strip) {
    long size = (long)c->s.height * c->s.width;
    int pitch = 4 * c->across + 2 * edge, first = group * W;
    take(of + ((long)first * channels + channel) * size, channels * size, least(W, c->s.images - first), size, c->s.width,
         pitch, strip + edge * pitch + edge);
}

static void inputs_part(int channel, int thread, void *work) {
    const work_t *c = work;
    int pitch = 4 * c->across + 2, size = pitch * (4 * c->down + 2);
    lanes *strip = (lanes *)scratch(thread, (long)W * size), *to = c->v + (long)channel * c->tiles;
    memset(strip, 0, sizeof(lanes) * size);
    for (int group = 0; group < c->groups; group++) {
        take_channel(c, c->x, c->s.inputs, channel, group, 1, strip);
        for (int i = 0; i < c->down; i++)
            for (int j = 0; j < c->across; j++) input_tile(strip + 4 * (i * pitch + j), pitch, to++, c->v_apart);
    }
}

// ---- forward, and the gradient of the images --------------------------------------------------------------------

#define KERNEL_BLOCKS 4

static void kernels_part(int part, int thread, void *work) {
    const work_t *c = work;
    (void)thread;
    int end = least(c->blocks, (part + 1) * KERNEL_BLOCKS);
    for (int i = 0; i < c->s.inputs; i++)
        for (int block = part * KERNEL_BLOCKS; block < end; block++) {
            kernels_t w[9];
            for (int o = 0; o < OUTPUTS; o++) {
                int output = c->first + block * OUTPUTS + o;
                if (output >= c->s.outputs)
                    for (int tap = 0; tap < 9; tap++) w[tap][o] = 0;
                else if (c->turned)
                    for (int tap = 0; tap < 9; tap++) w[tap][o] = c->kernels[((long)i * c->s.outputs + output) * 9 + 8 - tap];
                else
                    for (int tap = 0; tap < 9; tap++) w[tap][o] = c->kernels[((long)output * c->s.inputs + i) * 9 + tap];
            }
            kernel_tile(w, c->u + ((long)block * c->s.inputs + i) * OUTPUTS, c->u_apart);
        }
}

#define PRODUCT_BLOCKS 8

static void products_part(int part, int thread, void *work) {
    const work_t *c = work;
    (void)thread;
    int shares = up(c->blocks, PRODUCT_BLOCKS), point = part / shares, first = part % shares * PRODUCT_BLOCKS;
    multiply(least(PRODUCT_BLOCKS, c->blocks - first), c->s.inputs, c->tiles,
             c->u + point * c->u_apart + (long)first * c->s.inputs * OUTPUTS, c->v + point * c->v_apart,
             c->m + point * c->m_apart + (long)first * OUTPUTS * c->tiles);
}

static void outputs_part(int number, int thread, void *work) {
    const work_t *c = work;
    int output = c->first + number, height = c->s.height, width = c->s.width;
    long size = (long)height * width;
    lanes *strip = (lanes *)scratch(thread, W * size);
    const lanes *from = c->m + (long)number * c->tiles;
    for (int group = 0; group < c->groups; group++) {
        for (int i = 0; i < height; i += 4)
            for (int j = 0; j < width; j += 4)
                output_tile(from++, c->m_apart, strip + i * width + j, width, least(4, height - i), least(4, width - j));
        give(strip, c->s.outputs * size, least(W, c->s.images - group * W), size,
             c->y + ((long)group * W * c->s.outputs + output) * size);
    }
}

static void of_slice(shape_t s, const float *x, const float *weights, int turned, float *y) {
    work_t c = divided(s);
    int chunk = least(CHUNK, up(s.outputs, OUTPUTS) * OUTPUTS);
    c.x = x, c.y = y, c.kernels = weights, c.turned = turned;
    c.m_apart = (long)chunk * c.tiles + 1, c.u_apart = (long)chunk * s.inputs + 16;
    c.v = (lanes *)common(POINTS * (W * (c.v_apart + c.m_apart) + c.u_apart));
    c.m = c.v + POINTS * c.v_apart, c.u = (float *)(c.m + POINTS * c.m_apart);
    on_all(inputs_part, &c, s.inputs);
    for (c.first = 0; c.first < s.outputs; c.first += chunk) {
        int outputs = least(chunk, s.outputs - c.first);
        c.blocks = up(outputs, OUTPUTS);
        on_all(kernels_part, &c, up(c.blocks, KERNEL_BLOCKS));
        on_all(products_part, &c, POINTS * up(c.blocks, PRODUCT_BLOCKS));
        on_all(outputs_part, &c, outputs);
    }
}

void winograd_many(shape_t s, const float *x, const float *weights, int turned, float *y) {
    long size = (long)s.height * s.width;
    int most = slice(s, s.inputs + least(CHUNK, s.outputs));
    for (long first = 0; first < s.images; first += most) {
        shape_t some = s;
        some.images = least(most, s.images - first);
        of_slice(some, x + first * s.inputs * size, weights, turned, y + first * s.outputs * size);
    }
}

// ---- the gradient of the weights --------------------------------------------------------------------------------

// The gradient of W outputs: [POINTS][vectors / WIDE][tiles][W images][WIDE] of W outputs each.
static void gradients_part(int number, int thread, void *work) {
    const work_t *c = work;
    int pitch = 4 * c->across, size = pitch * 4 * c->down;
    lanes *strips = (lanes *)scratch(thread, (long)W * W * (size + POINTS)), *some = strips + W * size;
    memset(strips, 0, sizeof(lanes) * W * size);
    for (int group = 0, tile = 0; group < c->groups; group++) {
        for (int o = 0; o < W && number * W + o < c->s.outputs; o++)
            take_channel(c, c->g, c->s.outputs, number * W + o, group, 0, strips + o * size);
        for (int t = 0; t < c->down * c->across; t++, tile++) {
            int place = t / c->across * 4 * pitch + t % c->across * 4;
            for (int o = 0; o < W; o++) gradient_tile(strips + o * size + place, pitch, some + o * POINTS, 1);
            for (int point = 0; point < POINTS; point++) {
                lanes rows[W];
                for (int o = 0; o < W; o++) rows[o] = some[o * POINTS + point];
                transpose(rows);
                lanes *to = c->m + point * c->m_apart + ((long)number / WIDE * c->tiles + tile) * W * WIDE + number % WIDE;
                for (int image = 0; image < W; image++) to[image * WIDE] = rows[image];
            }
        }
    }
}

// Sums over all images of all tiles, for a few inputs and vectors of outputs. `length`: tiles times images.
INLINE void add_up(int inputs, int some, int length, const float *v, const lanes *g, sums_t *to) {
    sums_t all[4][4];
    for (int i = 0; i < inputs; i++)
        for (int b = 0; b < some; b++) all[i][b] = (sums_t){0};
    int few = few_of(length);
    for (int from = 0, end; from < length; from = end) {
        lanes total[4][4];
        end = least(from + few, length);
        for (int i = 0; i < inputs; i++)
            for (int b = 0; b < some; b++) total[i][b] = (lanes){0};
        for (int k = from; k < end; k++, g += WIDE)
            for (int b = 0; b < some; b++)
                for (int i = 0; i < inputs; i++) total[i][b] += v[(long)i * length + k] * g[b];
        for (int i = 0; i < inputs; i++)
            for (int b = 0; b < some; b++) all[i][b] += __builtin_convertvector(total[i][b], sums_t);
    }
    for (int i = 0; i < inputs; i++)
        for (int b = 0; b < some; b++) to[i * WIDE + b] = all[i][b];
}

static void sums_part(int part, int thread, void *work) {
    const work_t *c = work;
    int shares = up(c->vectors, WIDE), first = part / shares * ROW_BLOCK, vector = part % shares * WIDE;
    int inputs = least(ROW_BLOCK, c->s.inputs - first), some = least(WIDE, c->vectors - vector), length = c->tiles * W;
    sums_t *sums = (sums_t *)scratch(thread, 2l * W * POINTS * ROW_BLOCK * WIDE);
    for (int point = 0; point < POINTS; point++) {
        const float *v = (const float *)(c->v + point * c->v_apart + (long)first * c->tiles);
        const lanes *g = c->m + point * c->m_apart + (long)vector * length;
        sums_t *to = sums + point * ROW_BLOCK * WIDE;
        int i = 0;
        if (some == WIDE)
            for (; i + 4 <= inputs; i += 4) add_up(4, WIDE, length, v + (long)i * length, g, to + i * WIDE);
        for (; i < inputs; i++)
            for (int b = 0; b < some; b++) add_up(1, 1, length, v + (long)i * length, g + b, to + i * WIDE + b);
    }
    for (int i = 0; i < inputs; i++)
        for (int b = 0; b < some; b++) {
            sums_t half[3][6], w[3][3];
            for (int column = 0; column < 6; column++) {
                sums_t s[6], t[3];
                for (int row = 0; row < 6; row++) s[row] = sums[((row * 6 + column) * ROW_BLOCK + i) * WIDE + b];
                to_kernel(s, t);
                for (int row = 0; row < 3; row++) half[row][column] = t[row];
            }
            for (int row = 0; row < 3; row++) to_kernel(half[row], w[row]);
            for (int o = 0; o < W && (vector + b) * W + o < c->s.outputs; o++)
                for (int tap = 0; tap < 9; tap++) {
                    float *to = c->y + ((long)((vector + b) * W + o) * c->s.inputs + first + i) * 9 + tap;
                    *to = (c->adds ? *to : 0) + w[tap / 3][tap % 3][o];
                }
        }
}

static void weights_of_slice(shape_t s, const float *x, const float *g, float *gradient, int adds) {
    work_t c = divided(s);
    c.x = x, c.g = g, c.y = gradient, c.adds = adds;
    c.m_apart = (long)up(c.vectors, WIDE) * WIDE * c.tiles * W + 1;
    c.v = (lanes *)common(W * POINTS * (c.v_apart + c.m_apart)), c.m = c.v + POINTS * c.v_apart;
    on_all(inputs_part, &c, s.inputs);
    on_all(gradients_part, &c, c.vectors);
    on_all(sums_part, &c, up(s.inputs, ROW_BLOCK) * up(c.vectors, WIDE));
}

void winograd_many_weights(shape_t s, const float *x, const float *g, float *gradient) {
    long size = (long)s.height * s.width;
    int most = slice(s, s.inputs + s.outputs);
    for (long first = 0; first < s.images; first += most) {
        shape_t some = s;
        some.images = least(most, s.images - first);
        weights_of_slice(some, x + first * s.inputs * size, g + first * s.outputs * size, gradient, first > 0);
    }
}
