/* The spool's segments. Any bytes may stand in the files: what is read are batches that stand there under their own
 * checks, in order, each record inside its batch, and what is missing between them is told. A spool that was damaged
 * goes on: the next batch is read behind what is left.
 *
 * The first byte says what the rest is: even, the bytes of one segment behind a true head, with bit 1 so that the
 * checks of what begins like a batch are made right whatever it says; odd, a plan of batches to write properly (a byte
 * each: how many records) and then of damage to do (offset, change), 3 bytes each. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/spool/spool.h"

#define BATCHES_MAX   16
#define SEGMENT_BYTES 600
#define ID            7

static char folder[PATH_MAX / 2];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* Every name in the folder, after `each` was done with it. */
static int count_files(void (*each)(const char *path, int number, const uint8_t *data), const uint8_t *data)
{
    struct dirent **entries;
    int count = 0, found = scandir(folder, &entries, NULL, alphasort);
    require(found >= 0);
    for (int i = 0; i < found; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%.250s", folder, entries[i]->d_name);
        if (entries[i]->d_name[0] == '0')
            each(path, count++, data);
        free(entries[i]);
    }
    free(entries);
    return count;
}

static void remove_file(const char *path, int number, const uint8_t *data)
{
    unlink(path);
}

static void leave(void)
{
    char path[PATH_MAX];
    count_files(remove_file, NULL);
    snprintf(path, sizeof path, "%s/lock", folder);
    unlink(path);
    rmdir(folder);
}

/* In memory where that can be: there is an fsync a batch. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/spool_fuzz.XXXXXX", root ? root : "/tmp");
    require(mkdtemp(folder));
    atexit(leave);
    return 0;
}

static struct sky_spool *open_spool(void)
{
    struct sky_spool *spool;
    struct sky_spool_message message;
    struct sky_spool_options options = {.directory = folder, .segment_bytes = SEGMENT_BYTES};
    require(sky_spool_open(&options, &spool, &message) == SKY_OK);
    return spool;
}

/* The record at a position is always the same. */
static struct sky_spool_record record_at(uint64_t position, uint8_t bytes[64])
{
    for (int i = 0; i < 64; i++)
        bytes[i] = (uint8_t)(position * 7 + (uint64_t)i * (position % 3));
    return (struct sky_spool_record){.position = position,
                                     .event_time_ms = (int64_t)position * 3,
                                     .seq = (int64_t)position + 1000,
                                     .identity = ~position,
                                     .op = (uint8_t)(position % 5),
                                     .key = sky_span_of(bytes, position % 11),
                                     .value = sky_span_of(bytes + 11, position % 50)};
}

static bool is_same(const struct sky_spool_record *a, const struct sky_spool_record *b)
{
    return a->position == b->position && a->event_time_ms == b->event_time_ms && a->seq == b->seq &&
           a->identity == b->identity && a->op == b->op && sky_span_equal(a->key, b->key) &&
           sky_span_equal(a->value, b->value);
}

/* Read from position 0 to the end; `known`: the records are those of record_at. */
static void read_all(struct sky_spool *spool, bool known)
{
    struct sky_spool_reader *reader;
    struct sky_spool_batch batch;
    struct sky_spool_status status;
    uint64_t position = 0, lost = 0;
    enum sky_status got;
    require(sky_spool_reader_open(spool, 0, &reader) == SKY_OK);
    while ((got = sky_spool_reader_next(reader, 0, &batch)) == SKY_OK) {
        struct sky_spool_record record;
        uint8_t bytes[64];
        require(batch.first_position == position + batch.lost && batch.next_position >= batch.first_position);
        require(batch.state.len <= SKY_SPOOL_STATE_BYTES_MAX);
        lost += batch.lost;
        position = batch.next_position;
        while (sky_spool_batch_next(&batch, &record)) {
            struct sky_spool_record expected = record_at(record.position, bytes);
            require(!known || is_same(&record, &expected));
        }
        require(batch.first_position == batch.next_position);
    }
    require(got == SKY_E_END);
    sky_spool_status(spool, &status);
    require(status.lost_records == lost && status.next_position == position);
    sky_spool_reader_close(reader);
}

static void append(struct sky_spool *spool, uint32_t records)
{
    struct sky_spool_tail tail;
    uint8_t bytes[64];
    sky_spool_tail(spool, &tail);
    for (uint64_t position = tail.position; position < tail.position + records; position++) {
        struct sky_spool_record record = record_at(position, bytes);
        require(sky_spool_put(spool, &record) == SKY_OK);
    }
    require(sky_spool_commit(spool, (int64_t)tail.position, sky_span_of(bytes, records % 64)) == SKY_OK);
}

/* However it was left, a spool opens, is read, and goes on. */
static void check_spool(bool known)
{
    struct sky_spool *spool = open_spool();
    struct sky_spool_tail before, after;
    bool has_tail = sky_spool_tail(spool, &before);
    uint64_t position = before.position;
    read_all(spool, known);
    if (position + 3 > SKY_SPOOL_POSITION_MAX) {
        sky_spool_close(spool);
        return;
    }
    append(spool, 3);
    sky_spool_close(spool);
    spool = open_spool();
    read_all(spool, known);
    require(sky_spool_tail(spool, &after) && after.position == position + 3 && (has_tail || position == 0));
    sky_spool_close(spool);
}

/* Heads that pass their check, with any lengths, positions and records. */
static void make_checks_right(struct sky_buffer *bytes)
{
    for (size_t at = 0; at + SKY_SPOOL_BATCH_HEAD_BYTES <= bytes->len; at++) {
        uint8_t *head = bytes->ptr + at;
        struct sky_spool_batch_head fields = {0};
        if (memcmp(head, SKY_SPOOL_BATCH_MAGIC, 4) != 0)
            continue;
        struct sky_reader reader;
        sky_reader_init(&reader, sky_span_of(head + 8, SKY_SPOOL_BATCH_HEAD_BYTES - 8));
        fields.first_position = sky_reader_u64(&reader);
        fields.records_count = sky_reader_u32(&reader);
        fields.records_bytes = sky_reader_u32(&reader);
        fields.state_bytes = sky_reader_u32(&reader);
        struct sky_span body = sky_span_from(sky_buffer_span(bytes), at + SKY_SPOOL_BATCH_HEAD_BYTES);
        uint64_t body_bytes = (uint64_t)fields.records_bytes + fields.state_bytes;
        if (body_bytes < body.len)
            body.len = body_bytes;
        sky_spool_batch_head_write(head, fields, ID, body);
    }
}

static void write_raw(struct sky_span raw, bool right)
{
    struct sky_buffer buffer = {0};
    sky_buffer_put_span(&buffer, raw);
    require(!buffer.failed);
    if (right)
        make_checks_right(&buffer);
    struct sky_span bytes = sky_buffer_span(&buffer);
    char path[PATH_MAX];
    uint8_t head[SKY_SPOOL_SEGMENT_HEAD_BYTES];
    sky_spool_segment_head_write(head, &(struct sky_spool_segment_head){.id = ID});
    snprintf(path, sizeof path, "%s/%020d-%010d.spool", folder, 0, 0);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(fd >= 0 && write(fd, head, sizeof head) == (ssize_t)sizeof head &&
            write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    close(fd);
    sky_buffer_clean_up(&buffer);
}

/* One damage: which file, where, and what to do: 0 cuts it off there, others change that byte. */
static void damage(const char *path, int number, const uint8_t *data)
{
    struct stat info;
    uint8_t byte;
    if (number != data[0] % 8 || stat(path, &info) != 0 || info.st_size == 0)
        return;
    off_t at = data[1] * 3 % info.st_size;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    require(fd >= 0);
    if (!data[2]) {
        require(ftruncate(fd, at) == 0);
    } else {
        require(pread(fd, &byte, 1, at) == 1);
        byte ^= data[2];
        require(pwrite(fd, &byte, 1, at) == 1);
    }
    close(fd);
}

static void check_plan(struct sky_span plan)
{
    struct sky_spool *spool = open_spool();
    size_t batches = plan.len < BATCHES_MAX ? plan.len : BATCHES_MAX;
    for (size_t i = 0; i < batches; i++)
        append(spool, plan.ptr[i] % 8);
    read_all(spool, true);
    sky_spool_close(spool);
    for (plan = sky_span_from(plan, batches); plan.len >= 3; plan = sky_span_from(plan, 3))
        count_files(damage, plan.ptr);
    check_spool(true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    count_files(remove_file, NULL);
    struct sky_span rest = sky_span_of(data + 1, size - 1);
    if (data[0] & 1) {
        check_plan(rest);
    } else {
        write_raw(rest, data[0] & 2);
        check_spool(false);
    }
    return 0;
}
