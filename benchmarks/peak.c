// What a processor can do at most: prints floating point operations, and bytes, a second of all threads together.
//
// Multiply-adds of vectors in registers that do not wait for each other; and copies of arrays that no cache holds, of which
// what is read and what is written is counted. The best of a few rounds.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __AVX512F__
#define W 16
#else
#define W 8
#endif
#define CHAINS 12
#define TURNS 20000000
#define BYTES (64L << 20)
#define ROUNDS 5
#define MOST 256

typedef float lanes __attribute__((vector_size(4 * W)));

static float sink[MOST];
static char *from[MOST], *to[MOST];

static void *multiply(void *number) {
    long thread = (long)number;
    lanes chain[CHAINS], factor = (lanes){0} + 0.999f + sink[thread], more = (lanes){0} + 0.001f;
    for (int i = 0; i < CHAINS; i++) chain[i] = more * (float)i;
    for (long turn = 0; turn < TURNS; turn++)
        for (int i = 0; i < CHAINS; i++) chain[i] = chain[i] * factor + more;
    for (int i = 0; i < CHAINS; i++) sink[thread] += 0 * chain[i][0];
    return 0;
}

static void *copy(void *number) {
    long thread = (long)number;
    memcpy(to[thread], from[thread], BYTES);
    return 0;
}

static double least(void *(*work)(void *), int threads) {
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t each[MOST];
        struct timespec a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        for (long i = 0; i < threads; i++)
            if (pthread_create(&each[i], 0, work, (void *)i)) exit(1);
        for (int i = 0; i < threads; i++) pthread_join(each[i], 0);
        clock_gettime(CLOCK_MONOTONIC, &b);
        double seconds = b.tv_sec - a.tv_sec + 1e-9 * (b.tv_nsec - a.tv_nsec);
        if (!round || seconds < best) best = seconds;
    }
    return best;
}

int main(int count, char **arguments) {
    int threads = count > 1 ? atoi(arguments[1]) : 1;
    if (threads < 1 || threads > MOST) return 1;
    for (int i = 0; i < threads; i++) {
        from[i] = malloc(BYTES), to[i] = malloc(BYTES);
        if (!from[i] || !to[i]) return 1;
        memset(from[i], 1, BYTES), memset(to[i], 2, BYTES);
    }
    printf("%.6g ", 2.0 * W * CHAINS * TURNS * threads / least(multiply, threads));
    printf("%.6g\n", 2.0 * BYTES * threads / least(copy, threads));
    return 0;
}
