#include "threads.h"

#include <fenv.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#define MOST 256

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER, one_call = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t start = PTHREAD_COND_INITIALIZER, done = PTHREAD_COND_INITIALIZER;
static int wanted = 1, helpers, running, is_open;
static uint64_t turn;

static task_t task;
static void *work;
static int parts;
static atomic_int next;

static float *memory[MOST + 1];  // the last for all threads
static long sizes[MOST + 1];

void ltdsl_set_threads(int threads) { wanted = threads < 1 ? 1 : threads > MOST ? MOST : threads; }
int ltdsl_threads(void) { return wanted; }
// Whoever calls may round otherwise, or take the smallest numbers for 0; helpers would not, and numbers would depend on
// who computes them.
static fenv_t callers;

void enter(void) {
    pthread_mutex_lock(&one_call);
    fegetenv(&callers);
    fesetenv(FE_DFL_ENV);
}

void leave(void) {
    fesetenv(&callers);
    pthread_mutex_unlock(&one_call);
}

// A child has none of its parent's threads, and would wait for them; what they had locked, nobody unlocks.
static void forked(void) {
    helpers = running = is_open = 0;
    lock = one_call = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    start = done = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
}

__attribute__((constructor)) static void loaded(void) { pthread_atfork(0, 0, forked); }

float *scratch(int thread, long floats) {
    if (sizes[thread] < floats) {
        free(memory[thread]);
        sizes[thread] = floats;
        memory[thread] = aligned_alloc(64, (floats * sizeof(float) + 63) / 64 * 64);
        if (!memory[thread]) abort();  // as MindSpore does where there is no memory
    }
    return memory[thread];
}

float *common(long floats) { return scratch(MOST, floats); }

static void take_parts(int thread) {
    for (int part; (part = atomic_fetch_add(&next, 1)) < parts;) task(part, thread, work);
}

static void *helper(void *number) {
    int thread = (int)(intptr_t)number;
    uint64_t seen = 0;
    fesetenv(FE_DFL_ENV);
    pthread_mutex_lock(&lock);
    for (;;) {
        while (turn == seen || !is_open) pthread_cond_wait(&start, &lock);
        seen = turn;
        running++;
        pthread_mutex_unlock(&lock);
        take_parts(thread);
        pthread_mutex_lock(&lock);
        if (--running == 0) pthread_cond_signal(&done);
    }
    return 0;
}

void on_all(task_t what, void *of, int how_many) {
    if (wanted == 1 || how_many == 1) {
        for (int part = 0; part < how_many; part++) what(part, 0, of);
        return;
    }
    pthread_mutex_lock(&lock);
    task = what, work = of, parts = how_many;
    atomic_store(&next, 0);
    while (helpers < wanted - 1) {
        pthread_t thread;
        if (pthread_create(&thread, 0, helper, (void *)(intptr_t)(helpers + 1))) break;  // then with fewer
        pthread_detach(thread);
        helpers++;
    }
    is_open = 1;
    turn++;
    pthread_cond_broadcast(&start);
    pthread_mutex_unlock(&lock);
    take_parts(0);
    pthread_mutex_lock(&lock);
    is_open = 0;  // nobody waits for a helper that is not awake yet
    while (running) pthread_cond_wait(&done, &lock);
    pthread_mutex_unlock(&lock);
}
