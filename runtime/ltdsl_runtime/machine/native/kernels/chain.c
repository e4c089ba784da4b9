// A chain of 3x3 convolutions, each with a batch norm of kept statistics, perhaps the addition of what its block began
// with, and a ReLU: residual networks in inference, as one operator; float32, [B, C, H, W].
//
// A vector holds a pixel of W images. That layout stays from the first layer to the last, with zeros around each channel,
// so that Winograd's method (tiles.h) reads and writes nothing but whole vectors, and W images go through all layers
// before the next ones do, in memory that caches hold. The norm's scale is part of the kernels, in double precision; its
// shift, the shortcut and the ReLU are computed on outputs that are still in registers.
//
// How many images a batch has changes none of an image's numbers.
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lanes.h"
#include "threads.h"
#include "tiles.h"
#include "vector.h"
#include "winograd.h"

#define LEAST 8          // inputs from which Winograd's method pays
#define FLOATS (1 << 18) // of transformed tiles at once, which the second level of caches holds
#define MOST_TILES 8
#define BUFFERS 3        // what a block began with, what is between its layers, and one more where its shape changes
#define GIVEN 5          // arrays of a layer

typedef struct {
    int inputs, outputs, stride;
    int x_height, x_width, height, width;
    int tiled, tiles;               // by Winograd's method; tiles at once
    int blocks, pieces;             // of outputs; of the work: tiles, or rows
    int from, to, added;            // buffers; none is added: -1
    int added_channels, added_stride, added_height, added_width;
    const float *weights, *gamma, *beta, *mean, *variance;
    float epsilon;
    float *kernels, *shifts;        // tiled: [POINTS][blocks][inputs][OUTPUTS], else [blocks][inputs][9][OUTPUTS]; [outputs]
} layer_t;

typedef struct {
    int images, groups, count;
    layer_t *layers;
    long buffer, space;             // vectors of a buffer; of what Winograd's method transforms
    lanes *buffers;                 // [groups][BUFFERS][buffer], where all threads share each layer
    const float *x;
    float *y;
    int layer;                      // that they share now
} work_t;

static float *memory;  // kept between calls: fresh pages cost as much as a layer
static long size;

static int padded(int pixels) { return up(pixels, 4) * 4 + 2; }
static long plane(int height, int width) { return (long)padded(height) * padded(width); }

// ---- kernels ----------------------------------------------------------------------------------------------------

static void kernels_part(int number, int thread, void *work) {
    const layer_t *l = ((const work_t *)work)->layers + number;
    (void)thread;
    for (int o = 0; o < l->outputs; o++) {
        double scale = l->gamma[o] / sqrt((double)l->variance[o] + l->epsilon);
        l->shifts[o] = l->beta[o] - l->mean[o] * scale;
    }
    for (int block = 0; block < l->blocks; block++) {
        kernels_t scale = {0};
        for (int o = 0; o < OUTPUTS && block * OUTPUTS + o < l->outputs; o++)
            scale[o] = l->gamma[block * OUTPUTS + o] / sqrt((double)l->variance[block * OUTPUTS + o] + l->epsilon);
        for (int i = 0; i < l->inputs; i++) {
            kernels_t w[9];
            for (int tap = 0; tap < 9; tap++) {
                w[tap] = (kernels_t){0};
                for (int o = 0; o < OUTPUTS && block * OUTPUTS + o < l->outputs; o++)
                    w[tap][o] = l->weights[((long)(block * OUTPUTS + o) * l->inputs + i) * 9 + tap];
                w[tap] *= scale;
            }
            float *to = l->kernels + ((long)block * l->inputs + i) * OUTPUTS * (l->tiled ? 1 : 9);
            if (l->tiled)
                kernel_tile(w, to, (long)l->blocks * l->inputs * OUTPUTS);
            else
                for (int tap = 0; tap < 9; tap++)
                    *(block_t *)(to + tap * OUTPUTS) = __builtin_convertvector(w[tap], block_t);
        }
    }
}

// ---- one layer of some images -----------------------------------------------------------------------------------

// NaNs pass.
INLINE lanes through_relu(lanes value) { return (lanes)((places)value & ~(places)(value < (lanes){0})); }

// What is added to a channel, from its first pixel on; or none.
static const lanes *shortcut(const layer_t *l, const lanes *buffers, long buffer, int output) {
    int own = output - (l->outputs - l->added_channels) / 2;
    if (l->added < 0 || own < 0 || own >= l->added_channels) return 0;
    return buffers + l->added * buffer + own * plane(l->added_height, l->added_width) + padded(l->added_width) + 1;
}

INLINE void finish(lanes value, float shift, const lanes *added, lanes *to) {
    value += shift;
    if (added) value += *added;
    *to = through_relu(value);
}

static void tiled_piece(const work_t *n, const layer_t *l, lanes *buffers, int piece, lanes *v) {
    int across = up(l->width, 4), first = piece * l->tiles, tiles = least(l->tiles, across * up(l->height, 4) - first);
    int pitch = padded(l->width);
    long size = plane(l->height, l->width);
    // one vector more, so that the points of a tile do not lie in the same sets of a cache
    long v_apart = (long)l->inputs * tiles + 1, m_apart = (long)l->blocks * OUTPUTS * tiles + 1;
    const lanes *x = buffers + l->from * n->buffer;
    lanes *m = v + POINTS * v_apart;
    for (int i = 0; i < l->inputs; i++)
        for (int t = 0; t < tiles; t++) {
            int row = (first + t) / across * 4, column = (first + t) % across * 4;
            input_tile(x + i * size + (long)row * pitch + column, pitch, v + (long)i * tiles + t, v_apart);
        }
    for (int point = 0; point < POINTS; point++)
        multiply(l->blocks, l->inputs, tiles, l->kernels + (long)point * l->blocks * l->inputs * OUTPUTS,
                 v + point * v_apart, m + point * m_apart);
    for (int o = 0; o < l->outputs; o++) {
        const lanes *of_block = shortcut(l, buffers, n->buffer, o);
        lanes *channel = buffers + l->to * n->buffer + o * size + pitch + 1;
        for (int t = 0; t < tiles; t++) {
            int row = (first + t) / across * 4, column = (first + t) % across * 4;
            int rows = least(4, l->height - row), columns = least(4, l->width - column);
            lanes of_tile[16];
            output_tile(m + (long)o * tiles + t, m_apart, of_tile, 4, 4, 4);
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < columns; j++) {
                    long place = (long)(row + i) * l->added_stride * padded(l->added_width) + (column + j) * l->added_stride;
                    finish(of_tile[4 * i + j], l->shifts[o], of_block ? of_block + place : 0,
                           channel + (long)(row + i) * pitch + column + j);
                }
        }
    }
}

// Four outputs of some neighbours. `apart`: pixels of the input between them.
INLINE void neighbours(int some, const layer_t *l, const lanes *x, int apart, const float *w, lanes total[OUTPUTS][TILES]) {
    int pitch = padded(l->x_width);
    long size = plane(l->x_height, l->x_width);
    for (int o = 0; o < OUTPUTS; o++)
        for (int t = 0; t < some; t++) total[o][t] = (lanes){0};
    for (int i = 0; i < l->inputs; i++, x += size)
        for (int tap = 0; tap < 9; tap++, w += OUTPUTS)
            for (int t = 0; t < some; t++)
                for (int o = 0; o < OUTPUTS; o++) total[o][t] += w[o] * x[tap / 3 * pitch + tap % 3 + t * apart];
}

static void direct_row(const work_t *n, const layer_t *l, lanes *buffers, int row) {
    const lanes *x = buffers + l->from * n->buffer + (long)row * l->stride * padded(l->x_width);
    for (int block = 0; block < l->blocks; block++) {
        const float *w = l->kernels + (long)block * l->inputs * 9 * OUTPUTS;
        for (int column = 0, some; column < l->width; column += some) {
            lanes total[OUTPUTS][TILES];
            some = l->width - column >= TILES ? TILES : 1;
            if (some == TILES)
                neighbours(TILES, l, x + column * l->stride, l->stride, w, total);
            else
                neighbours(1, l, x + column * l->stride, l->stride, w, total);
            for (int o = 0; o < OUTPUTS && block * OUTPUTS + o < l->outputs; o++) {
                const lanes *of_block = shortcut(l, buffers, n->buffer, block * OUTPUTS + o);
                lanes *to = buffers + l->to * n->buffer + (block * OUTPUTS + o) * plane(l->height, l->width) +
                            (long)(row + 1) * padded(l->width) + 1 + column;
                for (int t = 0; t < some; t++) {
                    long place = (long)row * l->added_stride * padded(l->added_width) + (column + t) * l->added_stride;
                    finish(total[o][t], l->shifts[block * OUTPUTS + o], of_block ? of_block + place : 0, to + t);
                }
            }
        }
    }
}

// Zeros around all channels.
static void frame(lanes *of, int channels, int height, int width) {
    int pitch = padded(width), rows = padded(height);
    for (int c = 0; c < channels; c++, of += (long)rows * pitch)
        for (int i = 0; i < rows; i++) {
            int inside = i > 0 && i <= height;
            if (inside) of[i * pitch] = (lanes){0};
            int from = inside ? width + 1 : 0;
            memset(of + i * pitch + from, 0, (pitch - from) * sizeof(lanes));
        }
}

static void do_piece(const work_t *n, const layer_t *l, lanes *buffers, int piece, lanes *space) {
    if (piece == 0) frame(buffers + l->to * n->buffer, l->outputs, l->height, l->width);
    if (l->tiled)
        tiled_piece(n, l, buffers, piece, space);
    else
        direct_row(n, l, buffers, piece);
}

// ---- all layers -------------------------------------------------------------------------------------------------

static void begin(const work_t *n, int group, lanes *buffers) {
    const layer_t *l = n->layers;
    long pixels = (long)l->x_height * l->x_width, channels = l->inputs;
    lanes *to = buffers + l->from * n->buffer;
    frame(to, channels, l->x_height, l->x_width);
    for (int c = 0; c < channels; c++)
        take(n->x + ((long)group * W * channels + c) * pixels, channels * pixels, least(W, n->images - group * W), pixels,
             l->x_width, padded(l->x_width), to + c * plane(l->x_height, l->x_width) + padded(l->x_width) + 1);
}

static void end(const work_t *n, int group, const lanes *buffers) {
    const layer_t *l = n->layers + n->count - 1;
    long pixels = (long)l->height * l->width, channels = l->outputs;
    for (int c = 0; c < channels; c++)
        for (int i = 0; i < l->height; i++)
            give(buffers + l->to * n->buffer + c * plane(l->height, l->width) + (i + 1) * padded(l->width) + 1,
                 channels * pixels, least(W, n->images - group * W), l->width,
                 n->y + ((long)group * W * channels + c) * pixels + i * l->width);
}

static void group_part(int group, int thread, void *work) {
    const work_t *n = work;
    lanes *buffers = (lanes *)scratch(thread, W * (BUFFERS * n->buffer + n->space));
    begin(n, group, buffers);
    for (const layer_t *l = n->layers; l < n->layers + n->count; l++)
        for (int piece = 0; piece < l->pieces; piece++) do_piece(n, l, buffers, piece, buffers + BUFFERS * n->buffer);
    end(n, group, buffers);
}

// Of fewer groups than threads, all threads share each layer of all groups.
static lanes *shared(const work_t *n, int group) { return n->buffers + group * BUFFERS * n->buffer; }

static void begin_part(int group, int thread, void *work) {
    (void)thread;
    begin(work, group, shared(work, group));
}

static void layer_part(int part, int thread, void *work) {
    const work_t *n = work;
    lanes *space = (lanes *)scratch(thread, W * n->space);
    do_piece(n, n->layers + n->layer, shared(n, part % n->groups), part / n->groups, space);
}

static void end_part(int group, int thread, void *work) {
    (void)thread;
    end(work, group, shared(work, group));
}

// Shapes, buffers and methods of all layers.
static void lay_out(work_t *n, const int64_t *x, void **p, int64_t **s) {
    const float *how = p[1];  // of each layer: its stride, whether it ends a block, epsilon
    int channels = x[1], height = x[2], width = x[3], from = 0, before = 1, third = 2;
    n->buffer = channels * plane(height, width);
    for (int each = 0; each < n->count; each++, how += 3) {
        void **given = p + 2 + each * GIVEN;
        layer_t *l = n->layers + each;
        *l = (layer_t){.inputs = channels, .outputs = s[2 + each * GIVEN][0], .stride = how[0], .epsilon = how[2],
                       .x_height = height, .x_width = width, .weights = given[0], .gamma = given[1], .beta = given[2],
                       .mean = given[3], .variance = given[4], .from = from, .added = -1};
        l->height = up(height, l->stride), l->width = up(width, l->stride);
        l->blocks = up(l->outputs, OUTPUTS);
        int all = up(l->height, 4) * up(l->width, 4);
        l->tiled = l->stride == 1 && l->inputs >= LEAST && winograd_pays(all * 16.0, (double)l->height * l->width);
        int tiles = FLOATS / (POINTS * (l->inputs + l->outputs) * W) / TILES * TILES;
        l->tiles = tiles < TILES ? TILES : least(tiles, MOST_TILES);
        l->pieces = l->tiled ? up(all, l->tiles) : l->height;
        long space = POINTS * ((long)(l->inputs + l->blocks * OUTPUTS) * l->tiles + 2);
        if (l->tiled && space > n->space) n->space = space;
        int in_place = 0;
        if (how[1] != 0) {
            const layer_t *first = l - 1;
            l->added = before, l->added_channels = first->inputs;
            l->added_height = first->x_height, l->added_width = first->x_width;
            l->added_stride = l->added_height > l->height || l->added_width > l->width ? 2 : 1;
            in_place = l->added_channels == l->outputs && l->added_stride == 1;
        }
        l->to = in_place ? before : third;
        if (!in_place) third = before;
        before = from, from = l->to;
        channels = l->outputs, height = l->height, width = l->width;
        long needed = channels * plane(height, width);
        if (needed > n->buffer) n->buffer = needed;
    }
}

static void allocate(work_t *n, int groups) {
    long floats = groups * BUFFERS * n->buffer * W, kernels = 0;
    for (layer_t *l = n->layers; l < n->layers + n->count; l++)
        kernels += (long)l->blocks * OUTPUTS * (l->inputs * (l->tiled ? POINTS : 9) + 1);
    if (size < floats + kernels) {
        free(memory);
        size = floats + kernels;
        memory = aligned_alloc(64, (size * sizeof(float) + 63) / 64 * 64);
        if (!memory) abort();
    }
    n->buffers = (lanes *)memory;
    float *next = memory + floats;
    for (layer_t *l = n->layers; l < n->layers + n->count; l++) {
        l->kernels = next, next += (long)l->blocks * OUTPUTS * l->inputs * (l->tiled ? POINTS : 9);
        l->shifts = next, next += l->blocks * OUTPUTS;
    }
}

// images [B, I, H, W], how [layers, 3] (stride, whether what its block of two layers began with is added, epsilon); and of
// each layer: weights [O, I, 3, 3], gamma [O], beta [O], mean [O], variance [O] -> [B, O, h, w] of the last layer
OPERATOR(ltdsl_chain) {
    work_t n = {.images = s[0][0], .groups = up(s[0][0], W), .count = s[1][0], .x = p[0], .y = p[count - 1]};
    enter();
    n.layers = malloc(n.count * sizeof(layer_t));
    if (!n.layers) abort();
    lay_out(&n, s[0], p, s);
    int few = n.groups < ltdsl_threads();
    allocate(&n, few ? n.groups : 0);
    on_all(kernels_part, &n, n.count);
    if (few) {
        on_all(begin_part, &n, n.groups);
        for (n.layer = 0; n.layer < n.count; n.layer++) on_all(layer_part, &n, n.groups * n.layers[n.layer].pieces);
        on_all(end_part, &n, n.groups);
    } else {
        on_all(group_part, &n, n.groups);
    }
    free(n.layers);
    leave();
    return 0;
}
