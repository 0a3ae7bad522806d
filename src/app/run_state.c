#include "app/run_state.h"

#include <errno.h>
#include <stdio.h>

#define TAG_ENGINE  SKY_CHECKPOINT_TAG('E', 'N', 'G', 'I')
#define TAG_DECODER SKY_CHECKPOINT_TAG('D', 'E', 'C', 'O')
#define TAG_CURSOR  SKY_CHECKPOINT_TAG('C', 'U', 'R', 'S')
#define TAG_OFFSETS SKY_CHECKPOINT_TAG('O', 'F', 'F', 'S')
#define TAG_LAKE    SKY_CHECKPOINT_TAG('L', 'A', 'K', 'E')
#define TAG_OUTPUT  SKY_CHECKPOINT_TAG('O', 'U', 'T', 'P')

#define ADVICE "; to begin anew, move the checkpoint away or give another --checkpoint.path"

enum sky_status sky_run_state_save(struct sky_run_state *state)
{
    if (!state->checkpoint)
        return SKY_OK;
    struct sky_buffer *payload = &state->payload;
    sky_buffer_clear(payload);
    if (state->out && sky_output_file_sync(state->out) != SKY_OK) {
        snprintf(state->message, sizeof state->message, "the output file cannot be written: %s", strerror(errno));
        return SKY_E_IO;
    }
    sky_run_lake_cut(state->lake);
    size_t section = sky_checkpoint_section_begin(payload, TAG_ENGINE);
    sky_engine_save(state->engine, payload);
    sky_checkpoint_section_end(payload, section);
    section = sky_checkpoint_section_begin(payload, TAG_DECODER);
    sky_decoder_save(state->decoder, payload);
    sky_checkpoint_section_end(payload, section);
    section = sky_checkpoint_section_begin(payload, TAG_CURSOR);
    if (state->relay)
        sky_relay_save(state->relay, payload);
    sky_checkpoint_section_end(payload, section);
    if (state->posts) {
        section = sky_checkpoint_section_begin(payload, TAG_OFFSETS);
        sky_post_feed_save(state->posts, payload);
        sky_checkpoint_section_end(payload, section);
    }
    if (state->lake) {
        section = sky_checkpoint_section_begin(payload, TAG_LAKE);
        sky_buffer_put_u64(payload, sky_run_lake_position(state->lake));
        sky_checkpoint_section_end(payload, section);
    }
    section = sky_checkpoint_section_begin(payload, TAG_OUTPUT);
    sky_buffer_put_u64(payload, state->out ? sky_output_file_length_bytes(state->out) : 0);
    sky_buffer_put_blob(payload, sky_span_from_string(state->out ? sky_output_file_path(state->out) : ""));
    sky_checkpoint_section_end(payload, section);
    enum sky_status status = sky_checkpoint_save(state->checkpoint, payload);
    if (status != SKY_OK)
        snprintf(state->message, sizeof state->message, "%s", sky_checkpoint_text(state->checkpoint));
    return status;
}

static enum sky_status fail(struct sky_run_state *state, const struct sky_error *error)
{
    snprintf(state->message, sizeof state->message, "the checkpoint cannot be used: %s" ADVICE,
             error->reason ? error->reason : sky_status_name(error->status));
    return error->status;
}

/* The length is that of one file; any other is gone on with at its end, whatever is in it. */
static enum sky_status load_output(struct sky_run_state *state, struct sky_span section)
{
    struct sky_reader reader;
    sky_reader_init(&reader, section);
    uint64_t length_bytes = sky_reader_u64(&reader);
    struct sky_span path = sky_reader_blob(&reader);
    if (!sky_reader_ok(&reader))
        return fail(state, &reader.error);
    if (!state->out || !sky_span_equal(path, sky_span_from_string(sky_output_file_path(state->out))))
        return SKY_OK;
    char message[SKY_OUTPUT_FILE_MESSAGE_SIZE] = "";
    if (sky_output_file_resume(state->out, length_bytes, message) == SKY_OK)
        return SKY_OK;
    snprintf(state->message, sizeof state->message, "%s", message);
    return SKY_E_IO;
}

static enum sky_status load_section(struct sky_run_state *state, uint32_t tag, struct sky_span section)
{
    struct sky_error error;
    struct sky_reader reader;
    switch (tag) {
    case TAG_ENGINE: return sky_engine_load(state->engine, section, &error) == SKY_OK ? SKY_OK : fail(state, &error);
    case TAG_DECODER:
        sky_reader_init(&reader, section);
        return sky_decoder_load(state->decoder, &reader) == SKY_OK ? SKY_OK : fail(state, &reader.error);
    case TAG_CURSOR:
        sky_reader_init(&reader, section);
        return !state->relay || sky_relay_load(state->relay, &reader) == SKY_OK ? SKY_OK : fail(state, &reader.error);
    case TAG_OFFSETS:
        sky_reader_init(&reader, section);
        sky_post_feed_load(state->posts, &reader);
        return sky_reader_ok(&reader) ? SKY_OK : fail(state, &reader.error);
    default: return load_output(state, section);
    }
}

/* Without the section the lake is one that the last run had not: it goes on behind what is there. */
static enum sky_status load_lake(struct sky_run_state *state)
{
    struct sky_reader reader;
    struct sky_span section;
    if (!state->lake || sky_checkpoint_section(sky_buffer_span(&state->payload), TAG_LAKE, &section) != SKY_OK)
        return SKY_OK;
    sky_reader_init(&reader, section);
    uint64_t position = sky_reader_u64(&reader);
    if (!sky_reader_ok(&reader) || position > INT64_MAX)
        return fail(state, &(struct sky_error){SKY_E_MALFORMED, 0, "the position of the lake is none"});
    sky_run_lake_resume(state->lake, position);
    return SKY_OK;
}

enum sky_status sky_run_state_load(struct sky_run_state *state, bool *found)
{
    static const uint32_t tags[] = {TAG_CURSOR, TAG_OFFSETS, TAG_ENGINE, TAG_DECODER, TAG_OUTPUT};
    *found = false;
    if (!state->checkpoint)
        return SKY_OK;
    sky_buffer_clear(&state->payload);
    enum sky_status status = sky_checkpoint_load(state->checkpoint, &state->payload);
    if (status == SKY_E_END)
        return SKY_OK;
    if (status != SKY_OK) {
        snprintf(state->message, sizeof state->message, "%s" ADVICE, sky_checkpoint_text(state->checkpoint));
        return status;
    }
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        struct sky_span section;
        if (tags[i] == TAG_OFFSETS && !state->posts)
            continue;
        status = sky_checkpoint_section(sky_buffer_span(&state->payload), tags[i], &section);
        if (status != SKY_OK) {
            struct sky_error error = {
                status, 0, tags[i] == TAG_OFFSETS ? "it was made with another source" : "a section of it is missing"};
            return fail(state, &error);
        }
        status = load_section(state, tags[i], section);
        if (status != SKY_OK)
            return status;
    }
    status = load_lake(state);
    *found = status == SKY_OK;
    return status;
}
