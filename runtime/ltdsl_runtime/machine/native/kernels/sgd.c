// Stochastic gradient descent over all parameters in one call, in place: float32.
//
// As MindSpore's `SGD` without dampening: weight decay is added to the gradient g, then a = m a + g, and the step is
// a, or g + m a with Nesterov's momentum (Sutskever et al., "On the importance of initialization and momentum in deep
// learning", 2013).
#include <stdint.h>

#include "threads.h"
#include "vector.h"

// Parameters are shared out among threads in pieces of so many numbers at most.
#define PIECE 16384

typedef struct {
    int parameters, nesterov;
    float rate, momentum;
    const float *decay;     // [parameters]
    void **p;               // weights, gradients, moving sums and their marks of all parameters, in turn
    int *ranks;
    int64_t **shapes;
} work_t;

static void update_part(int piece, int thread, void *work) {
    const work_t *n = work;
    (void)thread;
    for (int each = 0; each < n->parameters; each++) {
        long size = 1;
        for (int axis = 0; axis < n->ranks[each]; axis++) size *= n->shapes[each][axis];
        long pieces = (size + PIECE - 1) / PIECE;
        if (piece >= pieces) {
            piece -= pieces;
            continue;
        }
        long from = (long)piece * PIECE, to = from + PIECE < size ? from + PIECE : size;
        float *w = n->p[each], *a = n->p[2 * n->parameters + each], *mark = n->p[3 * n->parameters + each];
        const float *g = n->p[n->parameters + each];
        float decay = n->decay[each], m = n->momentum, rate = n->rate;
        for (long i = from; i < to; i++) {
            float own = g[i] + decay * w[i];
            if (m > 0) {
                a[i] = m * a[i] + own;
                own = n->nesterov ? own + m * a[i] : a[i];
            }
            w[i] -= rate * own;
        }
        for (long i = from; m > 0 && i < to; i++) mark[i] = 0;  // MindSpore's kernel: no longer the first step
        return;
    }
}

// rate [], momentum [], weight decay of each parameter [n], 1 with Nesterov's momentum [1], then n weights, n gradients,
// n moving sums, n marks -> 0 [1]
OPERATOR(ltdsl_sgd) {
    work_t n = {.parameters = (count - 5) / 4, .rate = *(float *)p[0], .momentum = *(float *)p[1], .decay = p[2],
                .nesterov = *(float *)p[3] != 0, .p = p + 4, .ranks = ranks + 4, .shapes = s + 4};
    long pieces = 0;
    for (int each = 0; each < n.parameters; each++) {
        long size = 1;
        for (int axis = 0; axis < n.ranks[each]; axis++) size *= n.shapes[each][axis];
        pieces += (size + PIECE - 1) / PIECE;
    }
    enter();
    on_all(update_part, &n, pieces);
    leave();
    *(float *)p[count - 1] = 0;
    return 0;
}
