// Cross entropy of softmax outputs, -log p_y, and its gradient, p - [c = y]: float32, [B, C].
//
// The largest logit is taken away first, so that no exponential overflows; it cancels. A row is one thread's.
#include <math.h>
#include <stdint.h>

#include "threads.h"
#include "vector.h"

#define PIECE 16384  // numbers that a thread takes at once

typedef struct {
    long rows, classes, some;  // some: rows of a part
    const float *logits, *g, *shares;
    const int32_t *labels;     // one that is no class has no logit
    float *loss, *to;
} work_t;

static int has_label(const work_t *n, long row) { return n->labels[row] >= 0 && n->labels[row] < n->classes; }

static void loss_part(int part, int thread, void *work) {
    const work_t *n = work;
    (void)thread;
    for (long row = part * n->some; row < n->rows && row < (part + 1) * n->some; row++) {
        const float *z = n->logits + row * n->classes;
        float *share = n->to + row * n->classes, highest = z[0];
        for (long c = 1; c < n->classes; c++) highest = z[c] > highest ? z[c] : highest;
        double total = 0;
        for (long c = 0; c < n->classes; c++) total += share[c] = expf(z[c] - highest);
        float scale = 1 / total;
        for (long c = 0; c < n->classes; c++) share[c] *= scale;
        n->loss[row] = log(total) - (has_label(n, row) ? (double)z[n->labels[row]] - highest : 0);
    }
}

static void gradient_part(int part, int thread, void *work) {
    const work_t *n = work;
    (void)thread;
    for (long row = part * n->some; row < n->rows && row < (part + 1) * n->some; row++) {
        const float *share = n->shares + row * n->classes;
        float *to = n->to + row * n->classes, g = n->g[row];
        for (long c = 0; c < n->classes; c++) to[c] = g * share[c];
        if (has_label(n, row)) to[n->labels[row]] = g * (share[n->labels[row]] - 1);
    }
}

static void on_rows(task_t task, work_t n) {
    n.some = PIECE / n.classes < 1 ? 1 : PIECE / n.classes;
    enter();
    on_all(task, &n, (n.rows + n.some - 1) / n.some);
    leave();
}

// logits [B, C], labels int32 [B] -> losses [B], softmax outputs [B, C]
OPERATOR(ltdsl_cross_entropy) {
    on_rows(loss_part, (work_t){.rows = s[0][0], .classes = s[0][1], .logits = p[0], .labels = p[1], .loss = p[2], .to = p[3]});
    return 0;
}

// gradient of the losses [B], softmax outputs [B, C], labels int32 [B] -> gradient of the logits [B, C]
OPERATOR(ltdsl_cross_entropy_gradient) {
    on_rows(gradient_part, (work_t){.rows = s[1][0], .classes = s[1][1], .g = p[0], .shares = p[1], .labels = p[2], .to = p[3]});
    return 0;
}
