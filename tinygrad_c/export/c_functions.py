"""The C functions that an exported net is made of, and the header around them. @WORDS@ are filled in by c.py."""

FUNCTIONS = {
    "linear": """/* y[rows][n] = x[rows][m] w[m][n] + b */
static inline void @NAME@_linear(float *restrict y, const float *restrict x, int rows, int m, int n, const float *b,
                                 const @TYPE@ *restrict w@SCALE@) {
    int r, i, o;
    for (r = 0; r < rows; r++, x += m, y += n) {
        for (o = 0; o < n; o++) y[o] = 0.0f;
        for (i = 0; i < m; i++)
            for (o = 0; o < n; o++) y[o] += x[i] * (float)w[i * n + o];
        for (o = 0; o < n; o++) y[o] = y[o]@TIMES@ + b[o];
    }
}
""",
    "conv": """/* y[no][oh][ow]: windows of x[c][h][w], weights w[no][c / groups][kh][kw] */
static inline void @NAME@_conv(float *restrict y, const float *restrict x, int c, int h, int w, int no, int oh, int ow, int kh,
                               int kw, int sh, int sw, int ph, int pw, int dh, int dw, int groups, const float *b,
                               const @TYPE@ *restrict weight@SCALE@) {
    int o, k, i, j, r, t, per = c / groups, size = oh * ow;
    for (o = 0; o < no; o++, y += size) {
        for (t = 0; t < size; t++) y[t] = 0.0f;
        for (k = 0; k < per; k++) {
            const float *plane = x + (o / (no / groups) * per + k) * h * w;
            for (i = 0; i < kh; i++)
                for (j = 0; j < kw; j++) {
                    float v = (float)*weight++;
                    int left = j * dw - pw, first = left < 0 ? (-left + sw - 1) / sw : 0;
                    int end = w - 1 - left < 0 ? 0 : (w - 1 - left) / sw + 1;
                    if (end > ow) end = ow;
                    for (r = 0; r < oh; r++) {
                        int at = r * sh - ph + i * dh;
                        if (at < 0 || at >= h) continue;
                        if (sw == 1)
                            for (t = first; t < end; t++) y[r * ow + t] += v * plane[at * w + left + t];
                        else
                            for (t = first; t < end; t++) y[r * ow + t] += v * plane[at * w + left + t * sw];
                    }
                }
        }
        for (t = 0; t < size; t++) y[t] = y[t]@TIMES@ + b[o];
    }
}
""",
    "max_pool": """
static inline void @NAME@_max_pool(float *restrict y, const float *restrict x, int c, int h, int w, int oh, int ow,
                                   int kh, int kw, int sh, int sw, int ph, int pw, int dh, int dw) {
    int k, r, t, i, j;
    for (k = 0; k < c; k++, x += h * w)
        for (r = 0; r < oh; r++)
            for (t = 0; t < ow; t++) {
                float top = -INFINITY;
                for (i = r * sh - ph; i < r * sh - ph + kh * dh; i += dh)
                    for (j = t * sw - pw; j < t * sw - pw + kw * dw; j += dw)
                        if (i >= 0 && i < h && j >= 0 && j < w && !(x[i * w + j] <= top)) top = x[i * w + j];
                *y++ = top;
            }
}
""",
    "avg_pool": """
static inline void @NAME@_avg_pool(float *restrict y, const float *restrict x, int c, int h, int w, int oh, int ow,
                                   int kh, int kw, int sh, int sw, int ph, int pw, int dh, int dw, int count_pad) {
    int k, r, t, i, j;
    for (k = 0; k < c; k++, x += h * w)
        for (r = 0; r < oh; r++)
            for (t = 0; t < ow; t++) {
                float sum = 0.0f;
                int count = 0;
                for (i = r * sh - ph; i < r * sh - ph + kh * dh; i += dh)
                    for (j = t * sw - pw; j < t * sw - pw + kw * dw; j += dw)
                        if (i >= 0 && i < h && j >= 0 && j < w) { sum += x[i * w + j]; count++; }
                *y++ = sum / (float)(count_pad ? kh * kw : count);
            }
}
""",
    "adaptive_max": """
static inline void @NAME@_adaptive_max(float *restrict y, const float *restrict x, int c, int h, int w, int oh, int ow) {
    int k, r, t, i, j;
    for (k = 0; k < c; k++, x += h * w)
        for (r = 0; r < oh; r++)
            for (t = 0; t < ow; t++) {
                float top = -INFINITY;
                for (i = r * h / oh; i < ((r + 1) * h + oh - 1) / oh; i++)
                    for (j = t * w / ow; j < ((t + 1) * w + ow - 1) / ow; j++)
                        if (!(x[i * w + j] <= top)) top = x[i * w + j];
                *y++ = top;
            }
}
""",
    "adaptive_avg": """
static inline void @NAME@_adaptive_avg(float *restrict y, const float *restrict x, int c, int h, int w, int oh, int ow) {
    int k, r, t, i, j;
    for (k = 0; k < c; k++, x += h * w)
        for (r = 0; r < oh; r++)
            for (t = 0; t < ow; t++) {
                float sum = 0.0f;
                int count = 0;
                for (i = r * h / oh; i < ((r + 1) * h + oh - 1) / oh; i++)
                    for (j = t * w / ow; j < ((t + 1) * w + ow - 1) / ow; j++) { sum += x[i * w + j]; count++; }
                *y++ = sum / (float)count;
            }
}
""",
    "embedding": """/* rows of w[count][width]; zeros for a number that is out of range */
static inline void @NAME@_embedding(float *restrict y, const int *restrict x, int n, int count, int width, const float *w) {
    int i, j;
    for (i = 0; i < n; i++)
        for (j = 0; j < width; j++) *y++ = x[i] < 0 || x[i] >= count ? 0.0f : w[x[i] * width + j];
}
""",
    "affine": """static inline void @NAME@_affine(float *x, int n, int inner, const float *scale, const float *shift) {
    int k, i;
    for (k = 0; k < n; k++, x += inner)
        for (i = 0; i < inner; i++) x[i] = x[i] * scale[k] + shift[k];
}
""",
    "prelu": """static inline void @NAME@_prelu(float *x, int n, int inner, const float *slope) {
    int k, i;
    for (k = 0; k < n; k++, x += inner)
        for (i = 0; i < inner; i++) x[i] = x[i] < 0.0f ? slope[k] * x[i] : x[i];
}
""",
    "layer_norm": """
static inline void @NAME@_layer_norm(float *x, int rows, int n, const float *w, const float *b,
                                     float eps) {
    int r, i;
    for (r = 0; r < rows; r++, x += n) {
        float mean = 0.0f, spread = 0.0f;
        for (i = 0; i < n; i++) mean += x[i];
        mean /= (float)n;
        for (i = 0; i < n; i++) spread += (x[i] - mean) * (x[i] - mean);
        spread = 1.0f / sqrtf(spread / (float)n + eps);
        for (i = 0; i < n; i++) x[i] = (x[i] - mean) * spread * w[i] + b[i];
    }
}
""",
    "softmax": """static inline void @NAME@_softmax(float *x, int outer, int n, int inner) {
    int r, t, i;
    for (r = 0; r < outer; r++, x += n * inner)
        for (t = 0; t < inner; t++) {
            float top = x[t], sum = 0.0f;
            for (i = 1; i < n; i++) if (x[i * inner + t] > top) top = x[i * inner + t];
            for (i = 0; i < n; i++) { x[i * inner + t] = expf(x[i * inner + t] - top); sum += x[i * inner + t]; }
            for (i = 0; i < n; i++) x[i * inner + t] /= sum;
        }
}
""",
    "log_softmax": """static inline void @NAME@_log_softmax(float *x, int outer, int n, int inner) {
    int r, t, i;
    for (r = 0; r < outer; r++, x += n * inner)
        for (t = 0; t < inner; t++) {
            float top = x[t], sum = 0.0f;
            for (i = 1; i < n; i++) if (x[i * inner + t] > top) top = x[i * inner + t];
            for (i = 0; i < n; i++) sum += expf(x[i * inner + t] - top);
            for (i = 0; i < n; i++) x[i * inner + t] -= top + logf(sum);
        }
}
""",
}

SHELL = """/* @NAME@.h: a net of @SHAPE@ inputs and @ANSWER@ outputs. Made by tinygrad_c; edits will be lost.
   C99, no allocation, no library but math.h. @WEIGHTS@ weights.
   The constants take @ROM@ bytes, a call @RAM@ bytes of stack, @OPERATIONS@ multiplications.
   @NAME@_selftest() is 0 if this machine answers as the one that made the file. */
#ifndef @GUARD@
#define @GUARD@

#include <math.h>
#include <string.h>

#define @UPPER@_INPUTS @IN@
#define @UPPER@_OUTPUTS @OUT@

@DATA@

@FUNCTIONS@
/* The outputs of a row x[@IN@], into y[@OUT@]. */
static inline void @NAME@_run(const @KIND@ *x, float *y) {
@BUFFERS@    int i = 0;
    (void)i;
@LINES@
}

/* 0, or the number (from 1) of the first golden row whose outputs are not what they were here. */
static inline int @NAME@_selftest(void) {
    static const @KIND@ rows[@COUNT@ * @IN@] = {
    @ROWS@};
    static const float expected[@COUNT@ * @OUT@] = {
    @EXPECTED@};
    float y[@OUT@]; int r, i;
    for (r = 0; r < @COUNT@; r++) {
        @NAME@_run(rows + r * @IN@, y);
        for (i = 0; i < @OUT@; i++)
            if (!(fabsf(y[i] - expected[r * @OUT@ + i]) <= @ROOM@ * (1.0f + fabsf(expected[r * @OUT@ + i])))) return r + 1;
    }
    return 0;
}

#endif
"""
