// Convolutions of 1x1, of stride 1 or 2, and their gradients: float32, [B, C, H, W].
//
// The pixels of all images are one row, of which a few vectors of all channels are copied together, so that nothing of a
// vector is left empty but the last of all; then they are multiplied as the points of Winograd's method are.
#include "pointwise.h"

#include <stdlib.h>
#include <string.h>

#include "lanes.h"
#include "threads.h"
#include "tiles.h"

#define SPAN (TILES * W)  // pixels at once
#define PARTS 16          // of the pixels, for sums over them: fixed, so that results do not depend on the number of threads
#define SUMS (1 << 20)    // numbers of all parts' sums, where four parts do not need more
#if W == 16
#define WIDE 4            // vectors of outputs that are added up at once
#else
#define WIDE 2
#endif

typedef struct {
    pointwise_t s;
    int from, to, blocks, turned;  // channels of what is read and of what is made
    long pixels;                   // of all images, of those that count
    const float *x, *g, *weights;
    float *y, *u, *sums;           // u: [blocks][from][OUTPUTS]; sums: [parts][inputs][vectors of outputs][W]
    int parts, vectors;
} work_t;

// A span of pixels that count: where each lies in its image's channel.
typedef struct {
    int images, some;
    int count[SPAN];      // pixels of each image
    long image[SPAN];
    int place[SPAN];
} span_t;

static void *space(long floats) {
    void *memory = aligned_alloc(64, (floats * sizeof(float) + 63) / 64 * 64);
    if (!memory) abort();
    return memory;
}

static span_t span(const work_t *c, long first) {
    span_t p = {.some = c->pixels - first < SPAN ? c->pixels - first : SPAN};
    long size = (long)c->s.height * c->s.width;
    for (int j = 0; j < p.some; j++) {
        long image = (first + j) / size, pixel = (first + j) % size;
        if (j == 0 || pixel == 0) p.image[p.images++] = image;
        p.count[p.images - 1]++;
        p.place[j] = pixel;
    }
    return p;
}

static int strided(const work_t *c, int place) {
    return place / c->s.width * c->s.stride * c->s.x_width + place % c->s.width * c->s.stride;
}

// The pixels of a channel. `is_x`: of the images, where every `stride`th counts.
INLINE void take_span(const work_t *c, const span_t *p, const float *of, int channels, int channel, int is_x, float *to) {
    long size = is_x ? (long)c->s.x_height * c->s.x_width : (long)c->s.height * c->s.width;
    int j = 0;
    for (int n = 0; n < p->images; n++) {
        const float *from = of + (p->image[n] * channels + channel) * size;
        int end = j + p->count[n];
        if (!is_x || c->s.stride == 1)
            memcpy(to + j, from + p->place[j], p->count[n] * sizeof(float));
        else
            for (int k = j; k < end; k++) to[k] = from[p->place[k]];
        j = end;
    }
    for (; j < SPAN; j++) to[j] = 0;
}

INLINE void give_span(const work_t *c, const span_t *p, const float *from, float *of, int channels, int channel, int is_x) {
    long size = is_x ? (long)c->s.x_height * c->s.x_width : (long)c->s.height * c->s.width;
    int j = 0;
    for (int n = 0; n < p->images; n++) {
        float *to = of + (p->image[n] * channels + channel) * size;
        int end = j + p->count[n];
        if (!is_x || c->s.stride == 1)
            memcpy(to + p->place[j], from + j, p->count[n] * sizeof(float));
        else
            for (int k = j; k < end; k++) to[p->place[k]] = from[k];
        j = end;
    }
}

static void stride_places(const work_t *c, span_t *p) {
    for (int j = 0; c->s.stride > 1 && j < p->some; j++) p->place[j] = strided(c, p->place[j]);
}

// ---- forward, and the gradient of the images --------------------------------------------------------------------

static void kernels_part(int block, int thread, void *work) {
    const work_t *c = work;
    (void)thread;
    float *to = c->u + (long)block * c->from * OUTPUTS;
    for (int i = 0; i < c->from; i++)
        for (int o = block * OUTPUTS; o < (block + 1) * OUTPUTS; o++)
            *to++ = o >= c->to ? 0 : c->weights[c->turned ? (long)i * c->to + o : (long)o * c->from + i];
}

static void span_part(int number, int thread, void *work) {
    const work_t *c = work;
    lanes *v = (lanes *)scratch(thread, (long)SPAN * (c->from + OUTPUTS)), *m = v + (long)TILES * c->from;
    span_t plain = span(c, (long)number * SPAN), places = plain;
    stride_places(c, &places);
    const span_t *read = c->turned ? &plain : &places, *made = c->turned ? &places : &plain;
    for (int i = 0; i < c->from; i++) take_span(c, read, c->x, c->from, i, !c->turned, (float *)(v + (long)i * TILES));
    for (int block = 0; block < c->blocks; block++) {
        products(TILES, c->from, TILES, c->u + (long)block * c->from * OUTPUTS, v, m);
        for (int o = 0; o < OUTPUTS && block * OUTPUTS + o < c->to; o++)
            give_span(c, made, (const float *)(m + o * TILES), c->y, c->to, block * OUTPUTS + o, c->turned);
    }
}

static void multiply_all(work_t c) {
    c.pixels = (long)c.s.images * c.s.height * c.s.width;
    c.blocks = up(c.to, OUTPUTS);
    c.u = space((long)c.blocks * OUTPUTS * c.from);
    on_all(kernels_part, &c, c.blocks);
    on_all(span_part, &c, (c.pixels + SPAN - 1) / SPAN);
    free(c.u);
}

void pointwise(pointwise_t s, const float *x, const float *weights, float *y) {
    multiply_all((work_t){.s = s, .from = s.inputs, .to = s.outputs, .x = x, .weights = weights, .y = y});
}

void pointwise_images(pointwise_t s, const float *g, const float *weights, float *dx) {
    if (s.stride > 1) memset(dx, 0, sizeof(float) * s.images * s.inputs * s.x_height * s.x_width);
    multiply_all((work_t){.s = s, .from = s.outputs, .to = s.inputs, .turned = 1, .x = g, .weights = weights, .y = dx});
}

// ---- the gradient of the weights --------------------------------------------------------------------------------

// Adds to the sums of a few inputs and vectors of outputs. x: [inputs][SPAN], g: [SPAN][WIDE].
INLINE void add_span(int inputs, int some, int vectors, const float *x, const lanes *g, lanes *to) {
    lanes total[4][4];
    for (int i = 0; i < inputs; i++)
        for (int b = 0; b < some; b++) total[i][b] = (lanes){0};
    for (int k = 0; k < SPAN; k++, g += WIDE)
        for (int b = 0; b < some; b++)
            for (int i = 0; i < inputs; i++) total[i][b] += x[i * SPAN + k] * g[b];
    for (int i = 0; i < inputs; i++)
        for (int b = 0; b < some; b++) to[i * vectors + b] += total[i][b];
}

static void sums_part(int part, int thread, void *work) {
    const work_t *c = work;
    int inputs = c->s.inputs, outputs = c->s.outputs;
    long spans = (c->pixels + SPAN - 1) / SPAN;
    lanes *sums = (lanes *)c->sums + (long)part * inputs * c->vectors;
    float *x = scratch(thread, (long)SPAN * (inputs + W * (up(c->vectors, WIDE) * WIDE + 1))), *rows = x + (long)SPAN * inputs;
    lanes *g = (lanes *)(rows + SPAN * W);
    memset(sums, 0, sizeof(lanes) * inputs * c->vectors);
    for (long number = spans * part / c->parts; number < spans * (part + 1) / c->parts; number++) {
        span_t plain = span(c, number * SPAN), places = plain;
        stride_places(c, &places);
        for (int i = 0; i < inputs; i++) take_span(c, &places, c->x, inputs, i, 1, x + (long)i * SPAN);
        for (int vector = 0; vector < c->vectors; vector++) {
            lanes *panel = g + (long)(vector / WIDE) * SPAN * WIDE + vector % WIDE;
            for (int o = 0; o < W; o++)
                if (vector * W + o < outputs)
                    take_span(c, &plain, c->g, outputs, vector * W + o, 0, rows + o * SPAN);
                else
                    memset(rows + o * SPAN, 0, SPAN * sizeof(float));
            for (int t = 0; t < TILES; t++) {
                lanes square[W];
                for (int o = 0; o < W; o++) square[o] = *(lanes *)(rows + o * SPAN + t * W);
                transpose(square);
                for (int k = 0; k < W; k++) panel[(t * W + k) * WIDE] = square[k];
            }
        }
        for (int vector = 0; vector < c->vectors; vector += WIDE) {
            const lanes *panel = g + (long)vector * SPAN;
            int some = least(WIDE, c->vectors - vector), i = 0;
            if (some == WIDE)
                for (; i + 4 <= inputs; i += 4)
                    add_span(4, WIDE, c->vectors, x + (long)i * SPAN, panel, sums + (long)i * c->vectors + vector);
            else
                for (int b = 0; b < some; b++)
                    for (i = 0; i + 4 <= inputs; i += 4)
                        add_span(4, 1, c->vectors, x + (long)i * SPAN, panel + b, sums + (long)i * c->vectors + vector + b);
            for (; i < inputs; i++)
                for (int b = 0; b < some; b++)
                    add_span(1, 1, c->vectors, x + (long)i * SPAN, panel + b, sums + (long)i * c->vectors + vector + b);
        }
    }
}

static void gradient_part(int i, int thread, void *work) {
    const work_t *c = work;
    (void)thread;
    for (int o = 0; o < c->s.outputs; o++) {
        float total = 0;
        for (int part = 0; part < c->parts; part++)
            total += c->sums[((long)part * c->s.inputs + i) * c->vectors * W + o];
        c->y[(long)o * c->s.inputs + i] = total;
    }
}

void pointwise_weights(pointwise_t s, const float *x, const float *g, float *gradient) {
    work_t c = {.s = s, .x = x, .g = g, .y = gradient, .vectors = up(s.outputs, W)};
    c.pixels = (long)s.images * s.height * s.width;
    long size = (long)s.inputs * c.vectors * W, parts = SUMS / size, spans = (c.pixels + SPAN - 1) / SPAN;
    parts = parts < 4 ? 4 : parts > PARTS ? PARTS : parts;
    c.parts = parts < spans ? parts : spans;
    c.sums = space(size * c.parts);
    on_all(sums_part, &c, c.parts);
    on_all(gradient_part, &c, s.inputs);
    free(c.sums);
}
