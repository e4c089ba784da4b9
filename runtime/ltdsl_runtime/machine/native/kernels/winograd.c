// 3x3 convolutions of stride 1, padded by 1, that multiply a quarter as often: float32, [B, C, H, W].
//
// The method: tiles.h. The lanes of a vector are images of the batch, so that no transform moves anything between lanes. Images are turned
// into that layout as they are read, and back as they are written, a few tiles at a time, which the cache holds.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gradient_tiles.h"
#include "lanes.h"
#include "threads.h"
#include "tiles.h"
#include "winograd.h"

#ifdef __AVX512F__
#define LEAST 8         // channels of either side from which it was measured to pay
#define LEAST_WEIGHTS 8
#else
#define LEAST 24
#define LEAST_WEIGHTS 48
#endif
#define FLOATS (1 << 18) // of transformed tiles at once: a megabyte, of which caches of the second level have one or two
#define MOST_TILES 8
#define PARTS 16         // of a batch, for sums over it: fixed, so that results do not depend on the number of threads
#define SUMS (1 << 20)   // numbers of all parts' sums, where four parts do not need more


typedef struct {
    shape_t s;
    int groups, down, across;  // of images; tiles of an image
    int rows, columns;         // tiles of a part, which are whole rows or a piece of one
    int row_parts, column_parts;
    int blocks;                // of outputs: OUTPUTS each, or W for the weights' gradient
    int parts;                 // of the weights' gradient
    const float *x, *g, *kernels;
    int turned;
    float *y, *u;              // u: [POINTS][blocks][inputs][OUTPUTS]
    sums_t *sums;              // [parts][POINTS][inputs][blocks][W]
} work_t;

// A piece of a group of images.
typedef struct {
    int images;                // in it; the lanes beyond are zeros
    int from_row, from_column; // pixels
    int rows, columns, tiles;  // tiles
    int height, width;         // pixels, without those beyond the image
    long first;                // image
} piece_t;

static int wanted = 1;
void ltdsl_set_winograd(int is) { wanted = is; }

int winograd_pays(double computed, double needed) { return wanted && computed <= 1.8 * needed; }

int winograd_fits(shape_t s) {
    double computed = (double)up(s.images, W) * W * up(s.height, 4) * 4 * up(s.width, 4) * 4;
    return least(s.inputs, s.outputs) >= LEAST && winograd_pays(computed, (double)s.images * s.height * s.width);
}

int winograd_fits_weights(shape_t s) {
    return winograd_fits(s) && least(s.inputs, s.outputs) >= LEAST_WEIGHTS &&
           (winograd_many_fits_weights(s) || (long)s.inputs * s.outputs * POINTS * 4 <= 8l * SUMS);
}

static void *space(long floats) {
    void *memory = aligned_alloc(64, (floats * sizeof(float) + 63) / 64 * 64);
    if (!memory) abort();
    return memory;
}

static work_t divided(shape_t s, int channels) {
    work_t c = {.s = s, .groups = up(s.images, W), .down = up(s.height, 4), .across = up(s.width, 4)};
    int tiles = FLOATS / ((long)POINTS * channels * W);
    tiles = tiles < 1 ? 1 : tiles > MOST_TILES ? MOST_TILES : tiles;
    c.columns = tiles < c.across ? tiles : c.across;
    c.rows = c.columns < c.across ? 1 : tiles / c.across < c.down ? tiles / c.across : c.down;
    c.row_parts = up(c.down, c.rows), c.column_parts = up(c.across, c.columns);
    return c;
}

static int pieces(const work_t *c) { return c->groups * c->row_parts * c->column_parts; }

static piece_t piece(const work_t *c, int number) {
    int column = number % c->column_parts * c->columns, row = number / c->column_parts % c->row_parts * c->rows;
    piece_t p = {.first = (long)(number / c->column_parts / c->row_parts) * W, .from_row = 4 * row,
                 .from_column = 4 * column, .rows = least(c->rows, c->down - row),
                 .columns = least(c->columns, c->across - column)};
    p.images = least(W, c->s.images - p.first), p.tiles = p.rows * p.columns;
    p.height = least(4 * p.rows, c->s.height - p.from_row), p.width = least(4 * p.columns, c->s.width - p.from_column);
    return p;
}

// ---- layouts ----------------------------------------------------------------------------------------------------

// The pixels of a channel of a piece, with `edge` rows and columns around them as far as the image goes.
static void take_piece(const work_t *c, const piece_t *p, const float *of, int channels, int channel, int edge, lanes *to) {
    int pitch = 4 * p->columns + 2 * edge, full = p->width == c->s.width;
    long size = (long)c->s.height * c->s.width;
    int top = p->from_row - edge, left = p->from_column - edge;
    int row = top < 0 ? 0 : top, column = left < 0 ? 0 : left;
    int rows = least(top + 4 * p->rows + 2 * edge, c->s.height) - row;
    int width = least(left + pitch, c->s.width) - column;
    const float *from = of + (p->first * channels + channel) * size + (long)row * c->s.width + column;
    to += (row - top) * pitch + column - left;
    if (full) {
        take(from, channels * size, p->images, rows * width, width, pitch, to);
        return;
    }
    for (int i = 0; i < rows; i++)
        take(from + (long)i * c->s.width, channels * size, p->images, width, width, pitch, to + i * pitch);
}

static void give_piece(const work_t *c, const piece_t *p, const lanes *from, int channel) {
    long size = (long)c->s.height * c->s.width;
    float *to = c->y + (p->first * c->s.outputs + channel) * size + (long)p->from_row * c->s.width + p->from_column;
    if (p->width == c->s.width) {
        give(from, c->s.outputs * size, p->images, p->height * p->width, to);
        return;
    }
    for (int i = 0; i < p->height; i++)
        give(from + i * p->width, c->s.outputs * size, p->images, p->width, to + (long)i * c->s.width);
}

// All tiles of all input channels: [POINTS][inputs][tiles], each point `apart` vectors from the next.
static void transform_input(const work_t *c, const piece_t *p, lanes *strip, lanes *to, long apart) {
    int pitch = 4 * p->columns + 2;
    memset(strip, 0, sizeof(lanes) * pitch * (4 * p->rows + 2));
    for (int channel = 0; channel < c->s.inputs; channel++, to += p->tiles) {
        take_piece(c, p, c->x, c->s.inputs, channel, 1, strip);
        for (int t = 0; t < p->tiles; t++)
            input_tile(strip + t / p->columns * 4 * pitch + t % p->columns * 4, pitch, to + t, apart);
    }
}

// ---- forward, and the gradient of the images --------------------------------------------------------------------

static void kernels_part(int block, int thread, void *work) {
    const work_t *c = work;
    (void)thread;
    for (int i = 0; i < c->s.inputs; i++) {
        kernels_t w[9];
        for (int tap = 0; tap < 9; tap++)
            for (int o = 0; o < OUTPUTS; o++) {
                long output = block * OUTPUTS + o;
                if (output >= c->s.outputs)
                    w[tap][o] = 0;
                else if (c->turned)
                    w[tap][o] = c->kernels[(i * c->s.outputs + output) * 9 + 8 - tap];
                else
                    w[tap][o] = c->kernels[(output * c->s.inputs + i) * 9 + tap];
            }
        kernel_tile(w, c->u + ((long)block * c->s.inputs + i) * OUTPUTS, (long)c->blocks * c->s.inputs * OUTPUTS);
    }
}

static void forward_part(int part, int thread, void *work) {
    const work_t *c = work;
    piece_t p = piece(c, part);
    // one vector more, so that the points of a tile do not lie in the same sets of a cache
    long v_apart = (long)c->s.inputs * p.tiles + 1, m_apart = (long)c->blocks * OUTPUTS * p.tiles + 1;
    int strip_size = (4 * p.rows + 2) * (4 * p.columns + 2);
    lanes *strip = (lanes *)scratch(thread, W * (strip_size + POINTS * (v_apart + m_apart)));
    lanes *v = strip + strip_size, *m = v + POINTS * v_apart;
    transform_input(c, &p, strip, v, v_apart);
    for (int point = 0; point < POINTS; point++)
        multiply(c->blocks, c->s.inputs, p.tiles, c->u + (long)point * c->blocks * c->s.inputs * OUTPUTS, v + point * v_apart,
                 m + point * m_apart);
    for (int output = 0; output < c->s.outputs; output++) {
        for (int t = 0; t < p.tiles; t++) {
            int row = t / p.columns * 4, column = t % p.columns * 4;
            output_tile(m + output * p.tiles + t, m_apart, strip + row * p.width + column, p.width,
                        least(4, p.height - row), least(4, p.width - column));
        }
        give_piece(c, &p, strip, output);
    }
}

void winograd(shape_t s, const float *x, const float *weights, int turned, float *y) {
    if (winograd_many_fits(s)) {
        winograd_many(s, x, weights, turned, y);
        return;
    }
    work_t c = divided(s, s.inputs + s.outputs);
    c.x = x, c.y = y, c.kernels = weights, c.turned = turned, c.blocks = up(s.outputs, OUTPUTS);
    c.u = space((long)POINTS * c.blocks * OUTPUTS * s.inputs);
    on_all(kernels_part, &c, c.blocks);
    on_all(forward_part, &c, pieces(&c));
    free(c.u);
}

// ---- the gradient of the weights --------------------------------------------------------------------------------

// All tiles of the gradient: [POINTS][tiles][W images][blocks] of W outputs each, for sums over tiles and images.
static void transform_gradient(const work_t *c, const piece_t *p, lanes *strips, lanes *to, long apart) {
    int pitch = 4 * p->columns, size = pitch * 4 * p->rows;
    lanes *some = strips + W * size;
    memset(strips, 0, sizeof(lanes) * W * size);
    for (int block = 0; block < c->blocks; block++) {
        for (int o = 0; o < W; o++)
            if (block * W + o < c->s.outputs)
                take_piece(c, p, c->g, c->s.outputs, block * W + o, 0, strips + o * size);
            else
                memset(strips + o * size, 0, sizeof(lanes) * size);
        for (int t = 0; t < p->tiles; t++) {
            int place = t / p->columns * 4 * pitch + t % p->columns * 4;
            for (int o = 0; o < W; o++) gradient_tile(strips + o * size + place, pitch, some + o * POINTS, 1);
            for (int point = 0; point < POINTS; point++) {
                lanes rows[W];
                for (int o = 0; o < W; o++) rows[o] = some[o * POINTS + point];
                transpose(rows);
                for (int image = 0; image < W; image++)
                    to[point * apart + (t * W + image) * c->blocks + block] = rows[image];
            }
        }
    }
}

// Adds to the sums of some inputs and blocks, in double precision: transforms of kernels are several times as large as
// the kernels, and rounding with them. `length`: tiles times images.
INLINE void add_products(int inputs, int some, int length, int few, int blocks, const float *v, const lanes *g, sums_t *to) {
    for (int from = 0, end; from < length; from = end) {
        lanes total[8][4];
        end = least(from + few, length);
        for (int i = 0; i < inputs; i++)
            for (int b = 0; b < some; b++) total[i][b] = (lanes){0};
        for (int k = from; k < end; k++, g += blocks)
            for (int b = 0; b < some; b++)
                for (int i = 0; i < inputs; i++) total[i][b] += v[i * length + k] * g[b];
        for (int i = 0; i < inputs; i++)
            for (int b = 0; b < some; b++) to[i * blocks + b] += __builtin_convertvector(total[i][b], sums_t);
    }
}

static void add_point(const work_t *c, int tiles, const float *v, const lanes *g, sums_t *sums) {
    int length = tiles * W, blocks = c->blocks, few = few_of(c->groups * c->down * c->across * W);
    for (int b = 0; b < blocks;) {
        int some = W == 16 && blocks - b >= 4 ? 4 : blocks - b >= 2 ? 2 : 1, i = 0;
        if (some == 4)
            for (; i + 4 <= c->s.inputs; i += 4)
                add_products(4, 4, length, few, blocks, v + i * length, g + b, sums + i * blocks + b);
        else if (some == 2)
            for (; i + 4 <= c->s.inputs; i += 4)
                add_products(4, 2, length, few, blocks, v + i * length, g + b, sums + i * blocks + b);
        else
            for (; i + 8 <= c->s.inputs; i += 8)
                add_products(8, 1, length, few, blocks, v + i * length, g + b, sums + i * blocks + b);
        for (; i < c->s.inputs; i++)
            for (int each = 0; each < some; each++)
                add_products(1, 1, length, few, blocks, v + i * length, g + b + each, sums + i * blocks + b + each);
        b += some;
    }
}

static void sums_part(int part, int thread, void *work) {
    const work_t *c = work;
    long size = (long)POINTS * c->s.inputs * c->blocks, all = pieces(c);
    sums_t *sums = c->sums + part * size;
    memset(sums, 0, sizeof(sums_t) * size);
    for (long number = all * part / c->parts; number < all * (part + 1) / c->parts; number++) {
        piece_t p = piece(c, number);
        long v_apart = (long)c->s.inputs * p.tiles + 1, g_apart = (long)c->blocks * W * p.tiles + 1;
        int strip_size = W * (16 * p.tiles + POINTS);  // of the gradient; one channel of the input is less
        lanes *strip = (lanes *)scratch(thread, W * (strip_size + POINTS * (v_apart + g_apart)));
        lanes *v = strip + strip_size, *g = v + POINTS * v_apart;
        transform_input(c, &p, strip, v, v_apart);
        transform_gradient(c, &p, strip, g, g_apart);
        for (int point = 0; point < POINTS; point++)
            add_point(c, p.tiles, (const float *)(v + point * v_apart), g + point * g_apart,
                      sums + (long)point * c->s.inputs * c->blocks);
    }
}

// The sums of all parts of an input's kernels, back to what they are the transforms of.
static void gradient_part(int i, int thread, void *work) {
    const work_t *c = work;
    long size = (long)POINTS * c->s.inputs * c->blocks;
    (void)thread;
    for (int block = 0; block < c->blocks; block++) {
        sums_t half[3][6], w[3][3];
        for (int column = 0; column < 6; column++) {
            sums_t s[6], t[3];
            for (int row = 0; row < 6; row++) {
                const sums_t *each = c->sums + ((row * 6 + column) * c->s.inputs + i) * c->blocks + block;
                s[row] = each[0];
                for (int part = 1; part < c->parts; part++) s[row] += each[part * size];
            }
            to_kernel(s, t);
            for (int row = 0; row < 3; row++) half[row][column] = t[row];
        }
        for (int row = 0; row < 3; row++) to_kernel(half[row], w[row]);
        for (int o = 0; o < W && block * W + o < c->s.outputs; o++)
            for (int tap = 0; tap < 9; tap++)
                c->y[((long)(block * W + o) * c->s.inputs + i) * 9 + tap] = w[tap / 3][tap % 3][o];
    }
}

void winograd_weights(shape_t s, const float *x, const float *g, float *gradient) {
    if (winograd_many_fits_weights(s)) {
        winograd_many_weights(s, x, g, gradient);
        return;
    }
    work_t c = divided(s, s.inputs + up(s.outputs, W) * W);
    c.x = x, c.g = g, c.y = gradient, c.blocks = up(s.outputs, W);
    long size = (long)POINTS * s.inputs * c.blocks * W, parts = SUMS / size;
    c.parts = least(parts < 4 ? 4 : parts > PARTS ? PARTS : parts, pieces(&c));
    c.sums = space(2 * size * c.parts);
    on_all(sums_part, &c, c.parts);
    on_all(gradient_part, &c, s.inputs);
    free(c.sums);
}
