// Eight neighbours of a row at once, as the compiler's vector extension has them on any processor.
#ifndef LTDSL_VECTOR_H
#define LTDSL_VECTOR_H

#define V 8
typedef float vec __attribute__((vector_size(4 * V), aligned(4)));
#define INLINE static inline __attribute__((always_inline))

INLINE vec at(const float *from) { return *(const vec *)from; }
INLINE float sum(vec v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }

// What MindSpore calls: pointers and shapes of all inputs, then of all outputs.
#define OPERATOR(name) \
    int name(int count, void **p, int *ranks, int64_t **s, const char **types, void *stream, void *extra)

#endif
