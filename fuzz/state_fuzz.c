/* What a checkpoint holds of the engine, of sessions and activity, the decoder and the relay, damaged in ways that its
 * checksum would not show.
 *
 * The first byte says which state it is and where it comes from: the bytes that follow are the state itself, or they
 * tell a little history of posts and minutes, whose state is saved and then edited. A state that was not edited must
 * load and save to the same bytes. Whatever loads must keep its own counts straight, take little memory for its size,
 * save to bytes that load and save to themselves, and go on through some minutes and their snapshots. */
#include <stdlib.h>

#include "base/hash.h"
#include "engine/snapshot.h"
#include "event/decoder.h"
#include "io/relay/relay.h"
#include "window/session.h"
#include "window/tumbling.h"

#define WINDOW_MINUTES    3
#define LANGUAGES         2
#define MINUTES_AFTER     6
#define HISTORY_BYTES_MAX 4096
#define BYTES_FOR_A_BYTE  256 /* of memory for each byte of the state: the rings and tables grow by doubling */
#define BYTES_AT_REST     (1024 * 1024) /* of an empty state */

enum { FROM_HISTORY = 1, LITERAL = 2, DECODER = 4, RELAY = 8, SESSIONS = 16, ACTIVITY = 32 };

struct engine { /* what sky_engine is made of, but for the text, which has no state and takes long to open */
    struct sky_sliding *window;
    struct sky_tracker *tracker;
    struct sky_post_store *store;
    struct sky_snapshot_builder snapshot;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void make(struct engine *engine, bool literal)
{
    struct sky_sliding_options window = {.window_minutes = WINDOW_MINUTES, .languages = LANGUAGES, .hash_key = 7};
    struct sky_tracker_options tracker = {.languages = LANGUAGES};
    sky_detector_options_default(&tracker.detector);
    tracker.detector.min_frequency = 2;
    tracker.detector.min_authors = 1;
    tracker.detector.row_authors = 1;
    tracker.detector.z_literal = literal;
    *engine = (struct engine){.window = sky_sliding_new(&window),
                              .tracker = sky_tracker_new(&tracker),
                              .store = sky_post_store_new(WINDOW_MINUTES + 1, 9)};
    require(engine->window && engine->tracker && engine->store);
}

static void end(struct engine *engine)
{
    sky_sliding_free(engine->window);
    sky_tracker_free(engine->tracker);
    sky_post_store_free(engine->store);
    sky_snapshot_builder_clean_up(&engine->snapshot);
}

static void save(const struct engine *engine, struct sky_buffer *buffer)
{
    buffer->len = 0;
    sky_post_store_save(engine->store, buffer);
    sky_sliding_save(engine->window, buffer);
    sky_tracker_save(engine->tracker, buffer);
    require(!buffer->failed);
}

static bool load(struct engine *engine, struct sky_span state)
{
    struct sky_reader reader;
    sky_reader_init(&reader, state);
    sky_post_store_load(engine->store, &reader);
    if (sky_reader_ok(&reader))
        sky_sliding_load(engine->window, &reader);
    if (sky_reader_ok(&reader))
        sky_tracker_load(engine->tracker, &reader);
    require(reader.offset <= state.len);
    return sky_reader_ok(&reader);
}

/* ---- a life: posts, and minutes that end ---- */

static void add_post(struct engine *engine, uint8_t what)
{
    static const char *const words[] = {"rain", "#sun", "tea time", "snow", "moon", "#fox", "new year", "wind"};
    char uri[] = "at://did:plc:a/app.bsky.feed.post/a", did[] = "did:plc:a";
    uri[11] = did[8] = (char)('a' + (what & 7));
    uri[34] = (char)('a' + (what >> 3));
    struct sky_keyword keywords[2];
    for (int i = 0; i < 2; i++) {
        const char *word = words[((what >> 4) + i * (1 + (what & 3))) & 7];
        enum sky_keyword_kind kind = word[0] == '#'      ? SKY_KEYWORD_HASHTAG
                                     : strchr(word, ' ') ? SKY_KEYWORD_PHRASE
                                                         : SKY_KEYWORD_WORD;
        keywords[i] = (struct sky_keyword){.normalized = sky_span_from_string(word), .kind = kind};
    }
    const struct sky_post post = {.op = SKY_POST_CREATE,
                                  .uri = sky_span_from_string(uri),
                                  .author_did = sky_span_from_string(did),
                                  .rev = sky_span_of(&what, 1),
                                  .text = SKY_SPAN("rain or sun")};
    const struct sky_sliding_post counted = {
        .author_id = sky_hash_id(post.author_did), .post_id = sky_hash_id(post.uri), .language = what & 1};
    enum sky_status status = sky_post_store_add(engine->store, &post);
    require(status == SKY_OK || status == SKY_E_DUPLICATE);
    struct sky_keyword_list list = {keywords, what & 2 ? 2 : 1};
    require(sky_sliding_add(engine->window, sky_sliding_open_minute(engine->window), &counted, &list) == SKY_OK);
}

static void change_post(struct engine *engine, uint8_t what)
{
    char uri[] = "at://did:plc:a/app.bsky.feed.post/a", did[] = "did:plc:a";
    uri[11] = did[8] = (char)('a' + (what & 7));
    uri[34] = (char)('a' + (what >> 3));
    struct sky_post post = {.uri = sky_span_from_string(uri), .author_did = sky_span_from_string(did)};
    post.active = what >> 6 & 1;
    switch (what >> 4 & 3) {
    case 0: sky_post_store_delete(engine->store, &post); break;
    case 1: require(sky_post_store_update(engine->store, &post) == SKY_OK); break;
    default: require(sky_post_store_account(engine->store, &post) == SKY_OK); break;
    }
}

static void close_minute(struct engine *engine)
{
    struct sky_tracker_result result;
    struct sky_engine_options options;
    struct sky_json_writer json;
    struct sky_buffer line = {0};
    sky_engine_options_default(&options);
    options.languages_count = LANGUAGES - 1;
    options.window_minutes = WINDOW_MINUTES;
    require(sky_sliding_close(engine->window) == SKY_OK);
    require(sky_tracker_slide(engine->tracker, engine->window, &result) == SKY_OK);
    const struct sky_snapshot_input input = {&options, engine->window, engine->store, &result};
    require(sky_snapshot_build(&engine->snapshot, &input) == SKY_OK);
    sky_json_begin(&json, &line);
    sky_trend_snapshot_write(&json, &engine->snapshot.snapshot);
    require(!line.failed);
    sky_buffer_clean_up(&line);
    sky_post_store_advance(engine->store, sky_sliding_open_minute(engine->window));
}

static void begin(struct engine *engine, int64_t minute)
{
    sky_sliding_start(engine->window, minute);
    sky_post_store_advance(engine->store, minute);
}

/* Returns the bytes used: up to a 0xff, or all. */
static size_t live(struct engine *engine, const uint8_t *data, size_t size)
{
    size_t at = 0;
    begin(engine, 28000000);
    while (at < size && data[at] != 0xff) {
        uint8_t what = data[at++];
        if (what >= 0xf0)
            close_minute(engine);
        else if (what >= 0xe0 && at < size)
            change_post(engine, data[at++]);
        else
            add_post(engine, what);
    }
    return at < size ? at + 1 : at;
}

/* Each edit: where (two bytes), how, and the byte: put it, put eight of it, or cut there. */
static size_t edit(struct sky_buffer *state, const uint8_t *data, size_t size)
{
    size_t edits = 0;
    for (; size >= 4 && state->len; data += 4, size -= 4, edits++) {
        size_t at = (size_t)(data[0] | data[1] << 8) % state->len;
        size_t run = data[2] & 1 ? 8 : 1;
        if (data[2] == 0xfe)
            state->len = at;
        else
            memset(state->ptr + at, data[3], run < state->len - at ? run : state->len - at);
    }
    return edits;
}

/* ---- what must hold of any state that was loaded ---- */

static void check_row(struct engine *engine, const struct sky_sliding_row *row)
{
    struct sky_sliding_walk walk;
    struct sky_sliding_occurrence occurrence;
    uint64_t authors[64];
    uint32_t count = 0, unique = 0;
    sky_sliding_walk_begin(engine->window, row, &walk);
    while (sky_sliding_walk_next(engine->window, &walk, &occurrence)) {
        uint32_t i = 0;
        while (i < unique && authors[i] != occurrence.author_id)
            i++;
        if (i == unique && unique < 64)
            authors[unique++] = occurrence.author_id;
        count++;
    }
    require(row->count == count);
    require(unique == 64 || row->unique_authors == unique);
}

static void check(struct engine *engine, size_t size)
{
    struct sky_sliding_row row;
    uint64_t rows = 0;
    for (uint32_t cursor = 0; sky_sliding_next(engine->window, &cursor, &row); rows++)
        check_row(engine, &row);
    require(rows == sky_sliding_keywords(engine->window));
    size_t held = sky_sliding_size_bytes(engine->window) + sky_tracker_size_bytes(engine->tracker);
    require(held <= BYTES_AT_REST + BYTES_FOR_A_BYTE * size);
}

static void check_engine(struct sky_span state, bool literal, bool is_own)
{
    struct engine engine, second;
    struct sky_buffer saved = {0}, again = {0};
    make(&engine, literal);
    bool loaded = load(&engine, state);
    require(loaded || !is_own);
    if (loaded) {
        check(&engine, state.len);
        save(&engine, &saved);
        require(!is_own || sky_span_equal(sky_buffer_span(&saved), sky_span_of(state.ptr, saved.len)));
        make(&second, literal);
        require(load(&second, sky_buffer_span(&saved)));
        save(&second, &again);
        require(sky_span_equal(sky_buffer_span(&saved), sky_buffer_span(&again)));
        end(&second);
        if (!sky_sliding_is_started(engine.window))
            begin(&engine, 28000000);
        for (int i = 0; i < MINUTES_AFTER; i++) {
            for (int post = 0; post < 4; post++)
                add_post(&engine, (uint8_t)(post * 37 + i));
            close_minute(&engine);
        }
        save(&engine, &saved);
    }
    end(&engine);
    sky_buffer_clean_up(&saved);
    sky_buffer_clean_up(&again);
}

static void check_history(const uint8_t *data, size_t size, bool literal)
{
    struct engine engine;
    struct sky_buffer state = {0};
    make(&engine, literal);
    size_t used = live(&engine, data, size < HISTORY_BYTES_MAX ? size : HISTORY_BYTES_MAX);
    save(&engine, &state);
    end(&engine);
    bool is_own = edit(&state, data + used, size - used) == 0;
    check_engine(sky_buffer_span(&state), literal, is_own);
    sky_buffer_clean_up(&state);
}

static void check_decoder(struct sky_span state)
{
    static const struct sky_decoder_options options = {.scope = SKY_DECODE_POSTS};
    struct sky_buffer saved[2] = {0};
    struct sky_span from = state;
    enum sky_status status = SKY_OK;
    for (int i = 0; i < 2 && status == SKY_OK; i++) {
        struct sky_decoder *decoder;
        struct sky_reader reader;
        require(sky_decoder_new(&options, &decoder) == SKY_OK);
        sky_reader_init(&reader, from);
        status = sky_decoder_load(decoder, &reader);
        require(status == reader.error.status && (i == 0 || status == SKY_OK));
        sky_decoder_save(decoder, &saved[i]);
        from = sky_buffer_span(&saved[i]);
        sky_decoder_free(decoder);
    }
    if (status == SKY_OK)
        require(sky_span_equal(from, sky_buffer_span(&saved[0])) && saved[0].len <= state.len &&
                memcmp(from.ptr, state.ptr, from.len) == 0);
    sky_buffer_clean_up(&saved[0]);
    sky_buffer_clean_up(&saved[1]);
}

static void check_relay(struct sky_span state, bool jetstream)
{
    struct sky_buffer saved[2] = {0};
    struct sky_span from = state;
    enum sky_status status = SKY_OK;
    for (int i = 0; i < 2 && status == SKY_OK; i++) {
        struct sky_relay_options options;
        struct sky_relay *relay;
        struct sky_reader reader;
        sky_relay_options_default(&options);
        options.urls = "wss://a.example,wss://b.example";
        options.kind = jetstream ? SKY_RELAY_JETSTREAM : SKY_RELAY_FIREHOSE;
        require(sky_relay_new(&options, &relay) == SKY_OK);
        sky_reader_init(&reader, from);
        status = sky_relay_load(relay, &reader);
        require(status == reader.error.status && (i == 0 || status == SKY_OK));
        sky_relay_save(relay, &saved[i]);
        from = sky_buffer_span(&saved[i]);
        sky_relay_free(relay); /* never connected: there was no sky_relay_next */
    }
    if (status == SKY_OK)
        require(sky_span_equal(from, sky_buffer_span(&saved[0])));
    sky_buffer_clean_up(&saved[0]);
    sky_buffer_clean_up(&saved[1]);
}

#define SESSIONS_GAP_MS (30 * 60000)

/* Whatever loads saves to bytes that load and save to themselves, and goes on. */
static void check_sessions(struct sky_span state)
{
    static const struct sky_sessions_options options = {.gap_minutes = 30, .hash_key = 7};
    struct sky_buffer saved[2] = {0};
    struct sky_span from = state;
    enum sky_status status = SKY_OK;
    for (int i = 0; i < 2 && status == SKY_OK; i++) {
        struct sky_sessions *sessions = sky_sessions_new(&options);
        const struct sky_session *closed;
        struct sky_reader reader;
        uint32_t count;
        require(sessions != NULL);
        sky_reader_init(&reader, from);
        sky_sessions_load(sessions, &reader);
        status = reader.error.status;
        require(i == 0 || status == SKY_OK);
        sky_sessions_save(sessions, &saved[i]);
        from = sky_buffer_span(&saved[i]);
        if (status == SKY_OK) {
            uint64_t open = sky_sessions_open(sessions);
            status = sky_sessions_add(sessions, SKY_SPAN("did:plc:a"), SESSIONS_GAP_MS, true);
            require(status == SKY_OK || status == SKY_E_LATE);
            require(sky_sessions_close(sessions, INT64_MAX / 2, &closed, &count) == SKY_OK);
            require(count <= open + 1 && (status == SKY_OK || count == open)); /* the post may have joined some */
            require(sky_sessions_open(sessions) == 0);
            status = SKY_OK;
        }
        sky_sessions_free(sessions);
    }
    if (status == SKY_OK)
        require(sky_span_equal(from, sky_buffer_span(&saved[0])));
    sky_buffer_clean_up(&saved[0]);
    sky_buffer_clean_up(&saved[1]);
}

static void check_activity(struct sky_span state)
{
    static const struct sky_tumbling_options options = {
        .length_minutes = 5, .languages = LANGUAGES, .top = 3, .hash_key = 7};
    struct sky_buffer saved[2] = {0};
    struct sky_span from = state;
    enum sky_status status = SKY_OK;
    for (int i = 0; i < 2 && status == SKY_OK; i++) {
        struct sky_tumbling *tumbling = sky_tumbling_new(&options);
        struct sky_activity activity;
        struct sky_reader reader;
        require(tumbling != NULL);
        sky_reader_init(&reader, from);
        sky_tumbling_load(tumbling, &reader);
        status = reader.error.status;
        require(i == 0 || status == SKY_OK);
        sky_tumbling_save(tumbling, &saved[i]);
        from = sky_buffer_span(&saved[i]);
        for (int64_t minute = 28000000; status == SKY_OK && minute < 28000020; minute += 5)
            if (sky_tumbling_takes(tumbling, minute) && sky_tumbling_advance(tumbling, minute + 5, &activity))
                require(activity.window_end_minute == minute + 5 && activity.top_keywords_count <= options.top);
        sky_tumbling_free(tumbling);
    }
    if (status == SKY_OK)
        require(sky_span_equal(from, sky_buffer_span(&saved[0])));
    sky_buffer_clean_up(&saved[0]);
    sky_buffer_clean_up(&saved[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct sky_span rest = sky_span_of(data + 1, size - 1);
    if (data[0] & ACTIVITY)
        check_activity(rest);
    else if (data[0] & SESSIONS)
        check_sessions(rest);
    else if (data[0] & RELAY)
        check_relay(rest, data[0] & LITERAL);
    else if (data[0] & DECODER)
        check_decoder(rest);
    else if (data[0] & FROM_HISTORY)
        check_history(rest.ptr, rest.len, data[0] & LITERAL);
    else
        check_engine(rest, data[0] & LITERAL, false);
    return 0;
}
