/* bench: measures the stages, each in a file of its own beside this one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "bench.h"

/* A bench that is not built in yet is simply not offered. */
extern int bench_decode(const struct bench_options *options) __attribute__((weak));
extern int bench_memory(const struct bench_options *options) __attribute__((weak));
extern int bench_pipeline(const struct bench_options *options) __attribute__((weak));
extern int bench_slides(const struct bench_options *options) __attribute__((weak));
extern int bench_spool(const struct bench_options *options) __attribute__((weak));
extern int bench_text(const struct bench_options *options) __attribute__((weak));
extern int bench_trends(const struct bench_options *options) __attribute__((weak));

static const struct {
    const char *name;
    int (*run)(const struct bench_options *options);
} benches[] = {{"decode", bench_decode}, {"memory", bench_memory}, {"pipeline", bench_pipeline},
               {"slides", bench_slides}, {"spool", bench_spool},   {"text", bench_text},
               {"trends", bench_trends}};

#define BENCHES_COUNT (sizeof benches / sizeof benches[0])

static const char usage[] = "usage: bench decode|memory|pipeline|slides|spool|text|trends [options]\n"
                            "  --input FILE    a recording (default: simulated)\n"
                            "  --json          one JSON object a line\n"
                            "  --quick         one short run\n"
                            "  --seed N        of the simulation (default 1)\n"
                            "  --hours H       of simulated time\n"
                            "  --profile NAME  normal, harsh, cold, spam, small or daily\n"
                            "  --detector NAME only skytrend, plain_z2 or signitrend\n"
                            "  --list          each false alarm and each missed burst, on stderr\n";

double bench_now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double bench_cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double bench_rss_mb(void)
{
    struct rusage usage_now;
    getrusage(RUSAGE_SELF, &usage_now);
    return (double)usage_now.ru_maxrss / 1024;
}

void bench_print(const struct bench_options *options, const char *bench, const char *mode, const char *unit,
                 double per_second, double mb_per_s)
{
    if (options->json)
        printf("{\"bench\":\"%s\",\"mode\":\"%s\",\"%s\":%.0f,\"mb_per_s\":%.1f,\"rss_mb\":%.1f}\n", bench, mode, unit,
               per_second, mb_per_s, bench_rss_mb());
    else
        printf("%-9s %-24s %12.0f %s  %8.1f MB/s  %7.1f MB resident\n", bench, mode, per_second, unit, mb_per_s,
               bench_rss_mb());
    fflush(stdout);
}

/* The number in `text`; ends the program when it is none. */
static double number(const char *name, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (end != text && !*end && value >= 0)
        return value;
    fprintf(stderr, "bench: %s wants a number, not '%s'\n", name, text);
    exit(2);
}

/* The option at argv[*i]; false when there is none of that name. */
static bool take_option(struct bench_options *options, int argc, char **argv, int *i)
{
    const char *name = argv[*i];
    if (strcmp(name, "--json") == 0) {
        options->json = true;
        return true;
    }
    if (strcmp(name, "--quick") == 0) {
        options->quick = true;
        return true;
    }
    if (strcmp(name, "--list") == 0) {
        options->list = true;
        return true;
    }
    if (*i + 1 >= argc)
        return false;
    const char *value = argv[++*i];
    if (strcmp(name, "--input") == 0)
        options->input = value;
    else if (strcmp(name, "--profile") == 0)
        options->profile = value;
    else if (strcmp(name, "--detector") == 0)
        options->detector = value;
    else if (strcmp(name, "--seed") == 0)
        options->seed = (uint64_t)number(name, value);
    else if (strcmp(name, "--hours") == 0)
        options->hours = number(name, value);
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    struct bench_options options = {.seed = 1, .profile = "normal"};
    for (int i = 2; i < argc; i++) {
        if (!take_option(&options, argc, argv, &i)) {
            fputs(usage, stderr);
            return 2;
        }
    }
    for (size_t i = 0; argc >= 2 && i < BENCHES_COUNT; i++)
        if (strcmp(argv[1], benches[i].name) == 0 && benches[i].run)
            return benches[i].run(&options);
    fputs(usage, stderr);
    return 2;
}
