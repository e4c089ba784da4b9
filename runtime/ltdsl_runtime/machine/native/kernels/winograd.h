// 3x3 convolutions of stride 1 by Winograd's method, for batches; see winograd.c.
#ifndef LTDSL_WINOGRAD_H
#define LTDSL_WINOGRAD_H

typedef struct {
    int images, inputs, outputs, height, width;
} shape_t;

// Whether the method is wanted at all; 1 at first.
void ltdsl_set_winograd(int wanted);

// Whether it is wanted and pays, where so many outputs are computed for those that are needed.
int winograd_pays(double computed, double needed);

// Whether it pays for such a convolution, and for the gradient of its weights.
int winograd_fits(shape_t s);
int winograd_fits_weights(shape_t s);

// x [images, inputs, height, width] -> y [images, outputs, height, width]. `turned`: the weights are
// [inputs, outputs, 3, 3], and each kernel is turned by half a circle; otherwise [outputs, inputs, 3, 3].
void winograd(shape_t s, const float *x, const float *weights, int turned, float *y);

// x, gradient of y -> gradient of the weights [outputs, inputs, 3, 3]
void winograd_weights(shape_t s, const float *x, const float *g, float *gradient);

// For many channels, where that pays more; see winograd_many.c. Outputs and images' gradients are the same, bit for bit.
int winograd_many_fits(shape_t s);
int winograd_many_fits_weights(shape_t s);
void winograd_many(shape_t s, const float *x, const float *weights, int turned, float *y);
void winograd_many_weights(shape_t s, const float *x, const float *g, float *gradient);

#endif
