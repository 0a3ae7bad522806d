/* run_setup.h: what `run` opens before it works: where events come from, and where those go that cannot be read.
 *
 * Each function that fails has told why.
 * Threads  one owner. */
#ifndef SKY_APP_RUN_SETUP_H
#define SKY_APP_RUN_SETUP_H

#include "app/command.h"
#include "app/feed.h"
#include "app/run_bus.h"
#include "app/run_letters.h"
#include "io/host/dead_letters.h"
#include "ops/config.h"

/* Called while Kafka is waited for, with what is wrong, some times a second or as often as it does not answer. False:
 * no longer. */
struct sky_run_wait {
    bool (*goes_on)(void *context, const char *problem);
    void *context;
};

struct sky_run_source {
    const struct sky_invocation *invocation; /* its configuration is that of sky_run_configure */
    struct sky_run_wait wait;
    struct sky_feed *feed;
    bool may_simulate; /* when no relay answers */
};

/* `config` is `given` with what follows from the source: kafka://HOST:PORT as a URL, and whether Kafka gets the
 * outputs. It borrows what `given` owns. False: a URL of no broker. */
SKY_MUST_USE bool sky_run_configure(const struct sky_config *given, struct sky_config *config);

/* The one that is configured, or asked for with --simulate. */
enum sky_source_kind sky_run_source_kind(const struct sky_invocation *invocation);

/* That source. Waits for Kafka; SKY_E_END: the program is to end. */
SKY_MUST_USE enum sky_status sky_run_open_source(struct sky_run_source *source);
SKY_MUST_USE enum sky_status sky_run_open_simulation(struct sky_run_source *source);

/* NULL through *letters when nothing is to be kept. */
SKY_MUST_USE enum sky_status sky_run_open_dead_letters(const struct sky_run_source *source,
                                                       struct sky_dead_letters **letters);

/* Likewise for a run that reads no posts from Kafka. */
SKY_MUST_USE enum sky_status sky_run_open_letters(const struct sky_run_source *source,
                                                  struct sky_run_letters **letters);

/* What this process goes on from. */
struct sky_run_past {
    struct sky_run_wait wait;
    bool has_checkpoint;
    bool is_reset;           /* --reset-state */
    bool is_simulated;       /* a network that begins anew each time */
    bool repeats;            /* the source gives again what comes after the checkpoint */
    int64_t closed_until_ms; /* end of the last minute of the checkpoint; SKY_OUTBOX_NO_MARKER: none */
};

/* Become the instance that publishes, behind what was published before. Refuses (SKY_E_CONFIG), before it disturbs the
 * one that publishes now, when the minutes published cannot be told from new ones because no checkpoint leads there.
 * Waits for Kafka; SKY_E_END: the program is to end. */
SKY_MUST_USE enum sky_status sky_run_join_bus(struct sky_run_bus *bus, const struct sky_run_past *past);

/* Say "skytrend run: WHAT: WHY"; SKY_EXIT_FAILURE. */
int sky_run_fail(const char *what, const char *why);

#endif
