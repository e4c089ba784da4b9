// Convolutions of 1x1, which are products of matrices; see pointwise.c.
#ifndef LTDSL_POINTWISE_H
#define LTDSL_POINTWISE_H

typedef struct {
    int images, inputs, outputs;
    int x_height, x_width, height, width, stride;  // of the images and of what is made of them
} pointwise_t;

// x, weights [outputs, inputs] -> y
void pointwise(pointwise_t s, const float *x, const float *weights, float *y);

// gradient of y, weights -> gradient of x
void pointwise_images(pointwise_t s, const float *g, const float *weights, float *dx);

// x, gradient of y -> gradient of the weights
void pointwise_weights(pointwise_t s, const float *x, const float *g, float *gradient);

#endif
