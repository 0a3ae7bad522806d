#include "io/host/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "io/host/folder.h"
#include "io/host/write_all.h"

#define MAGIC              "SKYTREND"
#define SECTION_HEAD_BYTES 12
#define READ_BYTES_MAX     ((size_t)64 << 20) /* a single read may give no more than 2 GiB on Linux */
#define SLOTS              2

struct sky_checkpoint {
    char slots[SLOTS][PATH_MAX];
    char temporary[PATH_MAX];
    char folder[PATH_MAX];
    int lock;
    int next_slot; /* the older one */
    uint64_t generation;
    struct sky_checkpoint_message message;
};

struct header {
    uint32_t version;
    uint64_t generation;
    uint64_t payload_len;
    uint64_t checksum;
};

static void say(struct sky_checkpoint_message *message, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct sky_checkpoint_message *message, const char *format, ...)
{
    size_t len = strlen(message->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message->text + len, sizeof message->text - len, format, arguments);
    va_end(arguments);
}

static uint64_t read_u64(const uint8_t *at)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

static void write_u64(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 8; i++, value >>= 8)
        at[i] = (uint8_t)value;
}

/* Of the header itself; the field that holds it counts as 0. */
static uint32_t header_check(const uint8_t header[SKY_CHECKPOINT_HEADER_BYTES])
{
    uint8_t bytes[SKY_CHECKPOINT_HEADER_BYTES];
    memcpy(bytes, header, sizeof bytes);
    memset(bytes + 12, 0, 4);
    return (uint32_t)sky_hash_id(sky_span_of(bytes, sizeof bytes));
}

static bool parse_header(const uint8_t bytes[SKY_CHECKPOINT_HEADER_BYTES], struct header *header)
{
    *header = (struct header){.version = (uint32_t)read_u64(bytes + 8),
                              .generation = read_u64(bytes + 16),
                              .payload_len = read_u64(bytes + 24),
                              .checksum = read_u64(bytes + 32)};
    return memcmp(bytes, MAGIC, 8) == 0 && (uint32_t)read_u64(bytes + 12) == header_check(bytes) &&
           header->payload_len <= SKY_CHECKPOINT_SIZE_BYTES_MAX;
}

static void write_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++, value >>= 8)
        at[i] = (uint8_t)value;
}

static bool read_whole(int fd, uint8_t *to, size_t len)
{
    while (len) {
        ssize_t got = read(fd, to, len < READ_BYTES_MAX ? len : READ_BYTES_MAX);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        to += got;
        len -= (size_t)got;
    }
    return true;
}

/* One file, checked. SKY_E_END: it is not there. */
static enum sky_status read_file(int fd, struct header *header, struct sky_buffer *payload)
{
    uint8_t bytes[SKY_CHECKPOINT_HEADER_BYTES];
    struct stat stat;
    if (fstat(fd, &stat) != 0)
        return SKY_E_IO;
    if (!read_whole(fd, bytes, sizeof bytes) || !parse_header(bytes, header))
        return SKY_E_CHECKSUM;
    if (header->version != SKY_CHECKPOINT_VERSION)
        return SKY_E_UNSUPPORTED;
    if ((uint64_t)stat.st_size != SKY_CHECKPOINT_HEADER_BYTES + header->payload_len)
        return SKY_E_CHECKSUM;
    payload->len = 0;
    if (!sky_buffer_reserve(payload, header->payload_len))
        return SKY_E_MEMORY;
    if (!read_whole(fd, payload->ptr, header->payload_len))
        return SKY_E_IO;
    payload->len = header->payload_len;
    return sky_hash_id(sky_buffer_span(payload)) == header->checksum ? SKY_OK : SKY_E_CHECKSUM;
}

/* Without waiting for the other end of a pipe, should it be one. */
static int open_slot(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static enum sky_status read_slot(const char *path, struct header *header, struct sky_buffer *payload)
{
    *header = (struct header){0};
    int fd = open_slot(path);
    if (fd < 0)
        return errno == ENOENT ? SKY_E_END : SKY_E_IO;
    enum sky_status status = read_file(fd, header, payload);
    close(fd);
    return status;
}

enum slot_state { SLOT_ABSENT, SLOT_DAMAGED, SLOT_READABLE };

/* By its header alone. *generation: 0 unless it is readable. */
static enum slot_state look_at_slot(const char *path, uint64_t *generation)
{
    uint8_t bytes[SKY_CHECKPOINT_HEADER_BYTES];
    struct header header = {0};
    *generation = 0;
    int fd = open_slot(path);
    if (fd < 0)
        return errno == ENOENT ? SLOT_ABSENT : SLOT_DAMAGED;
    bool readable = read_whole(fd, bytes, sizeof bytes) && parse_header(bytes, &header);
    close(fd);
    if (!readable)
        return SLOT_DAMAGED;
    *generation = header.generation;
    return SLOT_READABLE;
}

static enum sky_status take_lock(struct sky_checkpoint *checkpoint, const char *path)
{
    char name[PATH_MAX + 8];
    snprintf(name, sizeof name, "%s.lock", path);
    checkpoint->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (checkpoint->lock < 0) {
        say(&checkpoint->message, "%s: %s", name, strerror(errno));
        return SKY_E_IO;
    }
    if (flock(checkpoint->lock, LOCK_EX | LOCK_NB) != 0) {
        say(&checkpoint->message, "%s: another skytrend uses this checkpoint", path);
        return SKY_E_DUPLICATE;
    }
    return SKY_OK;
}

static enum sky_status open_files(struct sky_checkpoint *checkpoint, const char *path)
{
    const char *slash = strrchr(path, '/');
    int folder_len = slash == path ? 1 : slash ? (int)(slash - path) : 1;
    snprintf(checkpoint->folder, sizeof checkpoint->folder, "%.*s", folder_len, slash ? path : ".");
    snprintf(checkpoint->temporary, sizeof checkpoint->temporary, "%s.tmp", path);
    for (int slot = 0; slot < SLOTS; slot++)
        snprintf(checkpoint->slots[slot], sizeof checkpoint->slots[slot], "%s.%c", path, 'a' + slot);
    int error = sky_folder_make(checkpoint->folder);
    if (error) {
        say(&checkpoint->message, "%s: %s", checkpoint->folder, strerror(error));
        return SKY_E_IO;
    }
    enum sky_status status = take_lock(checkpoint, path);
    uint64_t a, b;
    look_at_slot(checkpoint->slots[0], &a);
    look_at_slot(checkpoint->slots[1], &b);
    checkpoint->generation = a > b ? a : b;
    checkpoint->next_slot = a > b;
    return status;
}

enum sky_status sky_checkpoint_open(const char *path, struct sky_checkpoint **out,
                                    struct sky_checkpoint_message *message)
{
    *out = NULL;
    message->text[0] = 0;
    if (strlen(path) + sizeof ".lock" > PATH_MAX) {
        say(message, "the path of the checkpoint is longer than %d bytes", PATH_MAX);
        return SKY_E_IO;
    }
    struct sky_checkpoint *checkpoint = calloc(1, sizeof *checkpoint);
    if (!checkpoint)
        return SKY_E_MEMORY;
    checkpoint->lock = -1;
    enum sky_status status = open_files(checkpoint, path);
    if (status != SKY_OK) {
        *message = checkpoint->message;
        sky_checkpoint_close(checkpoint);
        return status;
    }
    *out = checkpoint;
    return SKY_OK;
}

void sky_checkpoint_close(struct sky_checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    if (checkpoint->lock >= 0)
        close(checkpoint->lock);
    free(checkpoint);
}

/* 0 or errno. */
static int write_temporary(const struct sky_checkpoint *checkpoint, const uint8_t *header, struct sky_span payload)
{
    int fd = open(checkpoint->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return errno;
    bool written = sky_write_all(fd, sky_span_of(header, SKY_CHECKPOINT_HEADER_BYTES)) == SKY_OK &&
                   sky_write_all(fd, payload) == SKY_OK && fsync(fd) == 0;
    int error = written ? 0 : errno;
    if (close(fd) != 0 && !error)
        error = errno;
    return error;
}

enum sky_status sky_checkpoint_save(struct sky_checkpoint *checkpoint, const struct sky_buffer *payload)
{
    checkpoint->message.text[0] = 0;
    if (payload->failed) {
        say(&checkpoint->message, "no memory for the checkpoint");
        return SKY_E_MEMORY;
    }
    if (payload->len > SKY_CHECKPOINT_SIZE_BYTES_MAX) {
        say(&checkpoint->message, "the state is larger than a checkpoint takes");
        return SKY_E_LIMIT;
    }
    uint8_t header[SKY_CHECKPOINT_HEADER_BYTES] = MAGIC;
    header[8] = SKY_CHECKPOINT_VERSION;
    write_u64(header + 16, checkpoint->generation + 1);
    write_u64(header + 24, payload->len);
    write_u64(header + 32, sky_hash_id(sky_buffer_span(payload)));
    write_u32(header + 12, header_check(header));
    int error = write_temporary(checkpoint, header, sky_buffer_span(payload));
    if (error) {
        say(&checkpoint->message, "%s: %s", checkpoint->temporary, strerror(error));
        unlink(checkpoint->temporary); /* a half-written one is of no use, and the disk may be full */
        return SKY_E_IO;
    }
    const char *slot = checkpoint->slots[checkpoint->next_slot];
    error = rename(checkpoint->temporary, slot) != 0 ? errno : sky_folder_sync(checkpoint->folder);
    if (error) {
        say(&checkpoint->message, "%s: %s", slot, strerror(error));
        return SKY_E_IO;
    }
    checkpoint->generation++;
    checkpoint->next_slot ^= 1;
    return SKY_OK;
}

static const char *damage(enum sky_status status)
{
    switch (status) {
    case SKY_E_CHECKSUM: return "damaged (its checksum, length or magic is wrong)";
    case SKY_E_UNSUPPORTED: return "written by another version of skytrend";
    default: return "not readable";
    }
}

enum sky_status sky_checkpoint_load(struct sky_checkpoint *checkpoint, struct sky_buffer *payload)
{
    checkpoint->message.text[0] = 0;
    enum sky_status worst = SKY_E_END;
    int newest = checkpoint->next_slot ^ 1;
    for (int i = 0; i < SLOTS; i++) {
        struct header header;
        const char *path = checkpoint->slots[newest ^ i];
        enum sky_status status = read_slot(path, &header, payload);
        if (status == SKY_OK) {
            uint64_t generation;
            const char *other = checkpoint->slots[newest ^ i ^ 1];
            if (i == 0 && look_at_slot(other, &generation) == SLOT_DAMAGED) /* it may have been the newer one */
                say(&checkpoint->message, "%s is %s", other, damage(SKY_E_CHECKSUM));
            /* The next save replaces the other file, whatever generation that one claims. */
            checkpoint->generation = header.generation;
            checkpoint->next_slot = newest ^ i ^ 1;
            return SKY_OK;
        }
        if (status == SKY_E_MEMORY) {
            say(&checkpoint->message, "no memory to read %s", path);
            return status;
        }
        if (status == SKY_E_END)
            continue;
        say(&checkpoint->message, "%s%s is %s", checkpoint->message.text[0] ? "; " : "", path, damage(status));
        if (worst == SKY_E_END || status == SKY_E_UNSUPPORTED)
            worst = status;
    }
    payload->len = 0;
    return worst;
}

const char *sky_checkpoint_text(const struct sky_checkpoint *checkpoint)
{
    return checkpoint->message.text;
}

uint64_t sky_checkpoint_generation(const struct sky_checkpoint *checkpoint)
{
    return checkpoint->generation;
}

size_t sky_checkpoint_section_begin(struct sky_buffer *payload, uint32_t tag)
{
    sky_buffer_put_u32(payload, tag);
    sky_buffer_put_u64(payload, 0);
    return payload->len;
}

void sky_checkpoint_section_end(struct sky_buffer *payload, size_t begin)
{
    if (!payload->failed)
        write_u64(payload->ptr + begin - 8, payload->len - begin);
}

enum sky_status sky_checkpoint_section(struct sky_span payload, uint32_t tag, struct sky_span *section)
{
    struct sky_reader reader;
    sky_reader_init(&reader, payload);
    while (reader.offset < payload.len) {
        uint32_t found = sky_reader_u32(&reader);
        uint64_t len = sky_reader_u64(&reader);
        *section = sky_reader_bytes(&reader, len);
        if (!sky_reader_ok(&reader))
            return SKY_E_TRUNCATED;
        if (found == tag)
            return SKY_OK;
    }
    return SKY_E_MISSING;
}
