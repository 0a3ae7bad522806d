/* run_state.h: what `run` keeps in its checkpoint: the engine, the decoder's time state, the relay's cursor or the
 * offsets of the topic of posts, and how long the output file was.
 *
 * Threads  one owner. */
#ifndef SKY_APP_RUN_STATE_H
#define SKY_APP_RUN_STATE_H

#include "app/post_feed.h"
#include "app/run_lake.h"
#include "engine/engine.h"
#include "event/decoder.h"
#include "io/host/checkpoint.h"
#include "io/host/output_file.h"
#include "io/relay/relay.h"

#define SKY_RUN_STATE_MESSAGE_SIZE 768

struct sky_run_state {
    struct sky_checkpoint *checkpoint; /* NULL: nothing is kept */
    struct sky_engine *engine;
    struct sky_decoder *decoder;
    struct sky_output_file *out; /* NULL: none */
    struct sky_run_lake *lake;   /* NULL: none */
    struct sky_relay *relay;     /* for its cursors; NULL: none */
    struct sky_post_feed *posts; /* for its offsets; NULL: none */
    struct sky_buffer payload;   /* reused by each save */
    char message[SKY_RUN_STATE_MESSAGE_SIZE];
};

/* Take up what the last run left. SKY_OK too when there was nothing; *found tells. Otherwise message says what is wrong
 * and what to do. */
SKY_MUST_USE enum sky_status sky_run_state_load(struct sky_run_state *state, bool *found);

/* Everything up to the last handled event is on the disk when this returns SKY_OK. */
SKY_MUST_USE enum sky_status sky_run_state_save(struct sky_run_state *state);

#endif
