// Vectors whose lanes are images of the batch: no arithmetic moves anything between lanes, and no image sees another.
#ifndef LTDSL_LANES_H
#define LTDSL_LANES_H
#include <stdint.h>
#include <string.h>

#include "vector.h"

#ifdef __AVX512F__
#define W 16
#else
#define W 8
#endif

typedef float lanes __attribute__((vector_size(4 * W), aligned(4)));
typedef int32_t places __attribute__((vector_size(4 * W), aligned(4)));

#if W == 16
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#else
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#endif
#ifdef __has_builtin
#if __has_builtin(__builtin_shufflevector)
#define ZIP(a, b, half) __builtin_shufflevector(a, b, half)
#endif
#endif
#ifndef ZIP
#define ZIP(a, b, half) __builtin_shuffle(a, b, (places){half})
#endif

static inline int least(int a, int b) { return a < b ? a : b; }

static inline int up(int number, int by) { return (number + by - 1) / by; }

INLINE void transpose(lanes rows[W]) {
    for (int stage = 1; stage < W; stage *= 2) {
        lanes next[W];
        for (int i = 0; i < W / 2; i++) {
            next[2 * i] = ZIP(rows[i], rows[i + W / 2], LOW);
            next[2 * i + 1] = ZIP(rows[i], rows[i + W / 2], HIGH);
        }
        for (int i = 0; i < W; i++) rows[i] = next[i];
    }
}

// Neighbouring pixels of some images, `apart` from each other, to pixels of all these images. They are put down in rows
// of `width`, `pitch` apart.
static inline void take(const float *from, long apart, int images, int pixels, int width, int pitch, lanes *to) {
    for (int i = 0; i < pixels; i += W) {
        int start = i + W > pixels && pixels >= W ? pixels - W : i;  // the last ones may be taken twice
        int some = least(W, pixels - start);
        lanes rows[W];
        for (int image = 0; image < W; image++) {
            rows[image] = (lanes){0};
            if (image >= images) continue;
            if (some == W)
                rows[image] = *(const lanes *)(from + image * apart + start);
            else
                memcpy(&rows[image], from + image * apart + start, some * sizeof(float));
        }
        transpose(rows);
        int column = start % width;
        lanes *row = to + start / width * pitch;
        for (int j = 0; j < some; j++) {
            row[column] = rows[j];
            if (++column == width) column = 0, row += pitch;
        }
    }
}

// The way back, from dense pixels.
static inline void give(const lanes *from, long apart, int images, int pixels, float *to) {
    for (int i = 0; i < pixels; i += W) {
        int start = i + W > pixels && pixels >= W ? pixels - W : i;
        int some = least(W, pixels - start);
        lanes rows[W];
        for (int j = 0; j < W; j++) rows[j] = j < some ? from[start + j] : (lanes){0};
        transpose(rows);
        for (int image = 0; image < images; image++)
            if (some == W)
                *(lanes *)(to + image * apart + start) = rows[image];
            else
                memcpy(to + image * apart + start, &rows[image], some * sizeof(float));
    }
}

#endif
