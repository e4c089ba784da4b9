// Sums over the workers of one machine, through memory that they share: float32, all of a step's tensors in one call.
//
// Each worker has two places there. In a turn it writes its numbers into one of them, waits until all have written
// theirs, and adds them up in the order of ranks: all have the same sums, bit for bit. Who is in turn n + 1 has seen all
// others there or past their sums of turn n, so a place may be written again two turns later without another wait.
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "threads.h"
#include "vector.h"

#define MOST 64
#define PLACE (1L << 20)  // numbers in a place; longer messages take several turns
#define PATIENCE 60       // looks, one in two seconds, that find a worker gone before the others give up

typedef struct {
    _Alignas(128) _Atomic uint64_t turn;  // the last one that its numbers are there for
    _Atomic int32_t process, left;
} worker_t;

static worker_t *workers;  // [size], and then the places [2, size, PLACE]
static float *places;
static int rank, size;
static uint64_t turn;

// Joins the others in a file of memory behind its first `ahead` bytes. 0: done. All wait for each other before any sum.
int ltdsl_meet(int file, long ahead, int my_rank, int how_many) {
    long head = (long)sizeof(worker_t) * MOST, room = head + 2 * how_many * PLACE * (long)sizeof(float);
    if (how_many > MOST || ahead % sysconf(_SC_PAGESIZE) || ftruncate(file, ahead + room)) return 1;
    char *memory = mmap(0, room, PROT_READ | PROT_WRITE, MAP_SHARED, file, ahead);
    if (memory == MAP_FAILED) return 1;
    workers = (worker_t *)memory, places = (float *)(memory + head);
    rank = my_rank, size = how_many, turn = 0;
    atomic_store(&workers[rank].process, getpid());
    return 0;
}

// No sum of others waits for this worker from now on: they fail.
void ltdsl_leave(void) {
    if (workers) atomic_store(&workers[rank].left, 1);
}

// Until another worker has written its numbers; not 0 where it is gone for good.
static int wait_for(worker_t *other) {
    struct timespec pause = {0, 50000};
    long naps = 0, gone = 0;
    for (long looks = 0; atomic_load_explicit(&other->turn, memory_order_acquire) < turn; looks++) {
        if (atomic_load(&other->left) && atomic_load(&other->turn) < turn) return 1;
        if (looks < 2000) continue;
        if (looks < 4000) {
            sched_yield();
            continue;
        }
        nanosleep(&pause, 0);
        if (++naps % 20000) continue;  // two seconds or so
        gone = kill(atomic_load(&other->process), 0) && errno == ESRCH ? gone + 1 : 0;
        if (gone > PATIENCE) return 1;
    }
    return 0;
}

typedef struct {
    int tensor;
    long at;
} position_t;

// tensors of any shapes -> for each the sum of what all workers have for it
OPERATOR(ltdsl_sum_over_workers) {
    int tensors = count / 2, failed = !places;
    long length[tensors], left = 0;
    for (int i = 0; i < tensors; i++) {
        length[i] = 1;
        for (int axis = 0; axis < ranks[i]; axis++) length[i] *= s[i][axis];
        left += length[i];
    }
    enter();
    for (position_t next = {0, 0}; left > 0 && !failed;) {
        position_t first = next;
        float *half = places + (++turn % 2) * size * PLACE, *own = half + rank * PLACE;
        long filled = 0;
        while (filled < PLACE && next.tensor < tensors) {
            long rest = length[next.tensor] - next.at, some = rest < PLACE - filled ? rest : PLACE - filled;
            memcpy(own + filled, (float *)p[next.tensor] + next.at, some * sizeof(float));
            filled += some, next.at += some;
            if (next.at == length[next.tensor]) next = (position_t){next.tensor + 1, 0};
        }
        atomic_store_explicit(&workers[rank].turn, turn, memory_order_release);
        for (int other = 0; other < size && !failed; other++) failed = wait_for(workers + other);
        for (long done = 0; done < filled && !failed;) {
            long rest = length[first.tensor] - first.at, some = rest < filled - done ? rest : filled - done;
            float *to = (float *)p[tensors + first.tensor] + first.at;
            memcpy(to, half + done, some * sizeof(float));
            for (int other = 1; other < size; other++) {
                const float *from = half + other * PLACE + done;
                for (long i = 0; i < some; i++) to[i] += from[i];
            }
            done += some, first.at += some;
            if (first.at == length[first.tensor]) first = (position_t){first.tensor + 1, 0};
        }
        left -= filled;
    }
    leave();
    return failed;
}
