// Work shared out among threads that stay for the life of the process.
#ifndef LTDSL_THREADS_H
#define LTDSL_THREADS_H

// Does a part of some work; `thread` numbers the threads, for memory that each has of its own.
typedef void (*task_t)(int part, int thread, void *work);

// Number of threads from now on. Not less than before: those that wait cost nothing.
void ltdsl_set_threads(int threads);
int ltdsl_threads(void);

// Does parts 0 to parts - 1, each on any of the threads; comes back when all are done. One call at a time.
void on_all(task_t task, void *work, int parts);

// MindSpore may call from several threads: each operator holds this while it computes.
void enter(void);
void leave(void);

// Memory of one thread, kept between calls, of at least so many floats; aligned for vectors.
float *scratch(int thread, long floats);

// Likewise, of the one call that is at work, for all of its threads.
float *common(long floats);

#endif
