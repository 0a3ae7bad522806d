/* bench.h: what the benches share: their options and the lines they print.
 *
 * A bench is one file, bench/NAME.c, with `int bench_NAME(const struct bench_options *)`; main.c finds it by that name.
 * Each also runs once on a tiny input in the tests, so that it never rots. */
#ifndef SKY_BENCH_BENCH_H
#define SKY_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

struct bench_options {
    const char *input; /* a recording; NULL: the bench makes its own */
    bool json;         /* one JSON object a line instead of text */
    bool quick;        /* one short run: the test that the bench still works */
    uint64_t seed;
    double hours;         /* of simulated time; 0: the bench's own default */
    const char *profile;  /* normal, harsh, cold, spam, small, daily */
    const char *detector; /* of bench trends: only this one; NULL: all */
    bool list;            /* of bench trends: each false alarm and miss on stderr */
};

/* Exit codes: 0, or 1 with a reason on stderr. */
int bench_decode(const struct bench_options *options);
int bench_memory(const struct bench_options *options);
int bench_pipeline(const struct bench_options *options);
int bench_slides(const struct bench_options *options);
int bench_spool(const struct bench_options *options);
int bench_text(const struct bench_options *options);
int bench_trends(const struct bench_options *options);

/* Monotonic seconds. */
double bench_now_s(void);

/* Seconds of CPU time of this thread: what one core does, however busy the machine is. Speeds are measured by it. */
double bench_cpu_s(void);

/* Peak resident memory of this process. */
double bench_rss_mb(void);

/* One result: `unit` is "frames_per_s" or "posts_per_s". */
void bench_print(const struct bench_options *options, const char *bench, const char *mode, const char *unit,
                 double per_second, double mb_per_s);

#endif
