/* run.h: what `skytrend run` consists of while it runs, inside `run`. For the files run*.c that have a struct sky_run.
 *
 *     run.c       the command
 *     run_open.c  what it needs is opened, and closed at the end
 *     run_work.c  events in, slides out, checkpoints
 *
 * One thread does the work, in the order of the stream; the page's server and the connection have threads of their own
 * (io/api/api.h, io/relay/relay.h). */
#ifndef SKY_APP_RUN_H
#define SKY_APP_RUN_H

#include "app/command.h"
#include "app/feed.h"
#include "app/past_lake.h"
#include "app/run_bus.h"
#include "app/run_lake.h"
#include "app/run_report.h"
#include "app/run_setup.h"
#include "app/run_state.h"
#include "io/api/api.h"
#include "io/terminal/terminal.h"
#include "ops/config.h"

struct sky_run {
    const struct sky_invocation *invocation;
    struct sky_config config_used;         /* with what follows from the source */
    struct sky_invocation invocation_used; /* with that */
    const struct sky_config *config;
    struct sky_run_source source;
    struct sky_feed *feed;
    struct sky_run_bus *bus;   /* NULL: nothing goes to Kafka */
    uint64_t bus_aborted;      /* transactions, as told last */
    bool bus_is_away;          /* likewise */
    bool waits_for_bus;        /* no event is taken until what is complete is published, for a checkpoint */
    struct sky_run_lake *lake; /* NULL: none */
    struct sky_past_lake past, simulated_past; /* where the page finds what was; the second after a fallback */
    struct sky_decoder *decoder;
    struct sky_engine *engine;
    struct sky_board *board;
    struct sky_api *api;
    struct sky_terminal *terminal;
    struct sky_checkpoint *checkpoint;
    struct sky_output_file *out;
    struct sky_dead_letters *dead_letters;
    struct sky_run_letters *letters; /* of the posts on Kafka; NULL: none */
    struct sky_run_report *report;
    struct sky_run_state state;
    bool has_past;               /* a checkpoint was gone on from */
    int64_t started_clock_ms;    /* monotonic */
    int64_t ends_clock_ms;       /* INT64_MAX: never */
    int64_t event_clock_ms;      /* when the last event was taken */
    int64_t arrived_ms;          /* wall clock, when it arrived */
    int64_t slide_clock_us;      /* when work on the present slide began */
    int64_t status_clock_ms;     /* when the status was last told */
    int64_t checkpoint_event_ms; /* event time of the next checkpoint */
    int64_t saved_clock_ms;      /* monotonic, of the last one */
    enum sky_status failed;      /* of a slide */
    int view_error;              /* errno: what is shown cannot be written any more; 0 */
    int log_fd;                  /* standard error as it was, while the log goes into a file; -1 */
};

/* All that it needs. What is wrong has been told. SKY_E_END: it was ended while it waited for Kafka. Close in any
 * case. */
SKY_MUST_USE enum sky_status sky_run_open(struct sky_run *run);
void sky_run_close(struct sky_run *run);

/* When no relay has answered in time: says so, and goes on with the simulated network if that is allowed. */
SKY_MUST_USE enum sky_status sky_run_fall_back(struct sky_run *run, int64_t now_clock_ms);

/* To the end; the exit code. */
int sky_run_work(struct sky_run *run);

/* Everything up to the last event onto the disk. What it led to is published. */
enum sky_status sky_run_save(struct sky_run *run);

#endif
