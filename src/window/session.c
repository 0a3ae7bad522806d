#include "window/session.h"

#include "base/time.h"
#include "window/index_table.h"

#include <assert.h>
#include <stdlib.h>

#define SESSION_SIZE_BYTES_MIN (2 * 8 + 2 * 4 + 4)
#define TABLE_GROWTH           2

struct session_row {
    uint64_t id; /* of the DID */
    int64_t start_ms;
    int64_t end_ms;
    uint32_t posts; /* 0: a free row */
    uint32_t replies;
    uint32_t text_offset;
    uint16_t text_len;
};

struct sky_sessions {
    struct sky_sessions_options options;
    int64_t gap_ms;
    int64_t closed_until_ms; /* time of the last close */
    struct session_row *rows;
    uint32_t rows_count;
    uint32_t rows_capacity;
    uint32_t *free_rows; /* as many as rows_capacity */
    uint32_t free_count;
    struct sky_index_table table; /* DID -> rows: nearly always one */
    struct sky_buffer texts;
    size_t texts_garbage; /* bytes no session names */
    struct sky_session *closed;
    uint32_t closed_capacity;
};

struct sky_sessions *sky_sessions_new(const struct sky_sessions_options *options)
{
    assert(options->gap_minutes >= 1);
    struct sky_sessions *sessions = calloc(1, sizeof *sessions);
    if (!sessions)
        return NULL;
    sessions->options = *options;
    sessions->gap_ms = options->gap_minutes * SKY_MINUTE_MS;
    sessions->closed_until_ms = INT64_MIN;
    if (!sky_index_table_reset(&sessions->table, 0)) {
        sky_sessions_free(sessions);
        return NULL;
    }
    return sessions;
}

void sky_sessions_free(struct sky_sessions *sessions)
{
    if (!sessions)
        return;
    sky_index_table_clean_up(&sessions->table);
    sky_buffer_clean_up(&sessions->texts);
    free(sessions->rows);
    free(sessions->free_rows);
    free(sessions->closed);
    free(sessions);
}

uint64_t sky_sessions_open(const struct sky_sessions *sessions)
{
    return sessions->rows_count - sessions->free_count;
}

static uint64_t row_hash(const struct sky_sessions *sessions, uint64_t id)
{
    return sky_hash_slot(id, sessions->options.hash_key);
}

static struct sky_span row_text(const struct sky_sessions *sessions, const struct session_row *row)
{
    return sky_span_of(sessions->texts.ptr + row->text_offset, row->text_len);
}

static bool table_rebuild(struct sky_sessions *sessions)
{
    if (!sky_index_table_reset(&sessions->table, (sky_sessions_open(sessions) + 1) * TABLE_GROWTH))
        return false;
    for (uint32_t i = 0; i < sessions->rows_count; i++)
        if (sessions->rows[i].posts)
            sky_index_table_insert(&sessions->table, row_hash(sessions, sessions->rows[i].id), i);
    return true;
}

static bool texts_compact(struct sky_sessions *sessions)
{
    struct sky_buffer texts = {0};
    if (!sky_buffer_reserve(&texts, sessions->texts.len - sessions->texts_garbage))
        return false;
    for (uint32_t i = 0; i < sessions->rows_count; i++) {
        struct session_row *row = &sessions->rows[i];
        if (!row->posts)
            continue;
        struct sky_span text = row_text(sessions, row);
        row->text_offset = (uint32_t)texts.len;
        sky_buffer_put_span(&texts, text);
    }
    sky_buffer_clean_up(&sessions->texts);
    sessions->texts = texts;
    sessions->texts_garbage = 0;
    return true;
}

static bool rows_grow(struct sky_sessions *sessions)
{
    if (sessions->rows_capacity > UINT32_MAX / 2)
        return false;
    uint32_t capacity = sessions->rows_capacity ? sessions->rows_capacity * 2 : 256;
    struct session_row *rows = realloc(sessions->rows, capacity * sizeof *rows);
    if (!rows)
        return false;
    sessions->rows = rows;
    uint32_t *free_rows = realloc(sessions->free_rows, capacity * sizeof *free_rows);
    if (!free_rows)
        return false;
    sessions->free_rows = free_rows;
    sessions->rows_capacity = capacity;
    return true;
}

/* A session of one author, not in the table's way of others: room in all stores, then the row. */
static bool row_create(struct sky_sessions *sessions, struct sky_span author_did, const struct session_row *from)
{
    if (!sessions->free_count && sessions->rows_count == sessions->rows_capacity && !rows_grow(sessions))
        return false;
    if (sky_index_table_is_full(&sessions->table) && !table_rebuild(sessions))
        return false;
    if (sessions->texts_garbage > sessions->texts.len / 2 && !texts_compact(sessions))
        return false;
    if (sessions->texts.len > UINT32_MAX - SKY_SESSION_DID_BYTES_MAX)
        return false;
    uint32_t at = sessions->free_count ? sessions->free_rows[--sessions->free_count] : sessions->rows_count++;
    sessions->rows[at] = *from;
    sessions->rows[at].text_offset = (uint32_t)sessions->texts.len;
    sessions->rows[at].text_len = (uint16_t)author_did.len;
    sky_buffer_put_span(&sessions->texts, author_did);
    sky_index_table_insert(&sessions->table, row_hash(sessions, from->id), at);
    return !sessions->texts.failed;
}

static void row_drop(struct sky_sessions *sessions, uint32_t at)
{
    sessions->texts_garbage += sessions->rows[at].text_len;
    sessions->rows[at].posts = 0;
    sessions->free_rows[sessions->free_count++] = at;
}

/* Take `other` in: less than a gap lies between both, or they overlap. */
static void row_join(struct session_row *row, const struct session_row *other)
{
    row->start_ms = other->start_ms < row->start_ms ? other->start_ms : row->start_ms;
    row->end_ms = other->end_ms > row->end_ms ? other->end_ms : row->end_ms;
    row->posts += other->posts;
    row->replies += other->replies;
}

enum sky_status sky_sessions_add(struct sky_sessions *sessions, struct sky_span author_did, int64_t time_ms,
                                 bool is_reply)
{
    if (author_did.len > SKY_SESSION_DID_BYTES_MAX)
        return SKY_E_LIMIT;
    if (time_ms < sessions->closed_until_ms)
        return SKY_E_LATE;
    struct session_row post = {
        .id = sky_hash_id(author_did), .start_ms = time_ms, .end_ms = time_ms, .posts = 1, .replies = is_reply};
    uint64_t hash = row_hash(sessions, post.id), probe = 0;
    uint32_t joined = UINT32_MAX;
    for (uint32_t at; sky_index_table_next(&sessions->table, hash, &probe, &at);) {
        struct session_row *row = &sessions->rows[at];
        /* A row may come up twice: its number was freed and given to the same author again. */
        if (row->id != post.id || !row->posts || at == joined || time_ms - row->end_ms >= sessions->gap_ms ||
            row->start_ms - time_ms >= sessions->gap_ms)
            continue;
        if (joined == UINT32_MAX) {
            row_join(row, &post);
            joined = at;
        } else { /* the post lies between two sessions */
            row_join(&sessions->rows[joined], row);
            row_drop(sessions, at);
        }
    }
    return joined != UINT32_MAX || row_create(sessions, author_did, &post) ? SKY_OK : SKY_E_MEMORY;
}

static int by_end_start_did(const void *a, const void *b)
{
    const struct sky_session *x = a, *y = b;
    if (x->session_end_ms != y->session_end_ms)
        return x->session_end_ms < y->session_end_ms ? -1 : 1;
    if (x->session_start_ms != y->session_start_ms)
        return x->session_start_ms < y->session_start_ms ? -1 : 1;
    return sky_span_compare(x->author_did, y->author_did);
}

static bool closed_put(struct sky_sessions *sessions, uint32_t count, const struct session_row *row)
{
    if (count == sessions->closed_capacity) {
        uint32_t capacity = count ? count * 2 : 256;
        struct sky_session *closed = realloc(sessions->closed, capacity * sizeof *closed);
        if (!closed)
            return false;
        sessions->closed = closed;
        sessions->closed_capacity = capacity;
    }
    sessions->closed[count] = (struct sky_session){.author_did = row_text(sessions, row),
                                                   .session_start_ms = row->start_ms,
                                                   .session_end_ms = row->end_ms,
                                                   .posts = row->posts,
                                                   .replies = row->replies};
    return true;
}

enum sky_status sky_sessions_close(struct sky_sessions *sessions, int64_t time_ms, const struct sky_session **closed,
                                   uint32_t *closed_count)
{
    uint32_t count = 0;
    if (time_ms > sessions->closed_until_ms)
        sessions->closed_until_ms = time_ms;
    for (uint32_t i = 0; i < sessions->rows_count; i++) {
        const struct session_row *row = &sessions->rows[i];
        if (!row->posts || time_ms - row->end_ms < sessions->gap_ms)
            continue;
        if (!closed_put(sessions, count++, row))
            return SKY_E_MEMORY;
        row_drop(sessions, i); /* its text stays until the next add */
    }
    if (count)
        qsort(sessions->closed, count, sizeof *sessions->closed, by_end_start_did);
    *closed = sessions->closed;
    *closed_count = count;
    return SKY_OK;
}

void sky_sessions_save(const struct sky_sessions *sessions, struct sky_buffer *buffer)
{
    sky_buffer_put_u32(buffer, sessions->options.gap_minutes);
    sky_buffer_put_i64(buffer, sessions->closed_until_ms);
    sky_buffer_put_u64(buffer, sky_sessions_open(sessions));
    for (uint32_t i = 0; i < sessions->rows_count; i++) {
        const struct session_row *row = &sessions->rows[i];
        if (!row->posts)
            continue;
        sky_buffer_put_i64(buffer, row->start_ms);
        sky_buffer_put_i64(buffer, row->end_ms);
        sky_buffer_put_u32(buffer, row->posts);
        sky_buffer_put_u32(buffer, row->replies);
        sky_buffer_put_blob(buffer, row_text(sessions, row));
    }
}

static void load_session(struct sky_sessions *sessions, struct sky_reader *reader)
{
    struct session_row row = {.start_ms = sky_reader_i64(reader)};
    row.end_ms = sky_reader_i64(reader);
    row.posts = sky_reader_u32(reader);
    row.replies = sky_reader_u32(reader);
    struct sky_span author_did = sky_reader_blob(reader);
    /* Bounds that keep every difference of times inside 64 bits. */
    if (author_did.len > SKY_SESSION_DID_BYTES_MAX || !row.posts || row.start_ms > row.end_ms ||
        row.start_ms < INT64_MIN / 4 || row.end_ms > INT64_MAX / 4)
        sky_reader_fail(reader, SKY_E_RANGE, "not a session");
    if (!sky_reader_ok(reader))
        return;
    row.id = sky_hash_id(author_did);
    if (!row_create(sessions, author_did, &row))
        sky_reader_fail(reader, SKY_E_MEMORY, "no memory for the sessions");
}

void sky_sessions_load(struct sky_sessions *sessions, struct sky_reader *reader)
{
    if (sky_reader_u32(reader) != sessions->options.gap_minutes)
        sky_reader_fail(reader, SKY_E_CONFIG, "sessions of another gap");
    sessions->closed_until_ms = sky_reader_i64(reader);
    uint64_t count = sky_reader_count(reader, SESSION_SIZE_BYTES_MIN);
    for (uint64_t i = 0; sky_reader_ok(reader) && i < count; i++)
        load_session(sessions, reader);
}
