/* The checkpoint's files. Any bytes may stand there: what loads is a payload that stands in one of the two files under
 * its own length and checksum, and the newer of them; sections lie inside it. A payload that was framed properly loads
 * as it was; with any one byte changed it does not.
 *
 * The first byte says how the rest becomes files: bit 0, a payload to frame (else the bytes of a file, or of two of
 * them); the two bytes after it say where it is split or changed. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "io/host/checkpoint.h"

#define TAG_FIRST SKY_CHECKPOINT_TAG('E', 'N', 'G', 'I')

static char folder[PATH_MAX / 2];
static char paths[2][PATH_MAX];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void leave(void)
{
    char lock[PATH_MAX];
    snprintf(lock, sizeof lock, "%s/state.lock", folder);
    unlink(lock);
    unlink(paths[0]);
    unlink(paths[1]);
    rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *root = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/checkpoint_fuzz.XXXXXX", root ? root : "/tmp");
    require(mkdtemp(folder));
    snprintf(paths[0], sizeof paths[0], "%s/state.a", folder);
    snprintf(paths[1], sizeof paths[1], "%s/state.b", folder);
    atexit(leave);
    return 0;
}

static void put_file(const char *path, struct sky_span bytes)
{
    unlink(path);
    if (!bytes.len)
        return;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    require(fd >= 0 && write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    close(fd);
}

static uint64_t number(const uint8_t *at, int width)
{
    uint64_t value = 0;
    for (int i = width - 1; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

/* By the layout in checkpoint.h: 0 when the file is not whole, else its generation + 1. */
static uint64_t rank(struct sky_span file, struct sky_span *payload)
{
    uint8_t header[SKY_CHECKPOINT_HEADER_BYTES];
    if (file.len < sizeof header || memcmp(file.ptr, "SKYTREND", 8) != 0 ||
        number(file.ptr + 8, 4) != SKY_CHECKPOINT_VERSION)
        return 0;
    memcpy(header, file.ptr, sizeof header);
    memset(header + 12, 0, 4);
    *payload = sky_span_from(file, sizeof header);
    bool whole = (uint32_t)sky_hash_id(sky_span_of(header, sizeof header)) == number(file.ptr + 12, 4) &&
                 number(file.ptr + 24, 8) == payload->len && number(file.ptr + 32, 8) == sky_hash_id(*payload);
    uint64_t generation = number(file.ptr + 16, 8);
    return whole ? generation + (generation < UINT64_MAX) : 0;
}

static void check_sections(struct sky_span payload)
{
    struct sky_span section;
    uint32_t tags[] = {TAG_FIRST, 0};
    if (payload.len >= 4)
        tags[1] = (uint32_t)number(payload.ptr, 4);
    for (int i = 0; i < 2; i++) {
        enum sky_status status = sky_checkpoint_section(payload, tags[i], &section);
        require(status == SKY_OK || status == SKY_E_MISSING || status == SKY_E_TRUNCATED);
        if (status == SKY_OK && section.len)
            require(section.ptr >= payload.ptr + 12 && section.ptr + section.len <= payload.ptr + payload.len &&
                    number(section.ptr - 12, 4) == tags[i] && number(section.ptr - 8, 8) == section.len);
    }
}

/* Both files as a new process finds them. */
static enum sky_status open_and_load(struct sky_buffer *payload, uint64_t *generation)
{
    struct sky_checkpoint *checkpoint;
    struct sky_checkpoint_message message;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/state", folder);
    require(sky_checkpoint_open(path, &checkpoint, &message) == SKY_OK);
    enum sky_status status = sky_checkpoint_load(checkpoint, payload);
    *generation = sky_checkpoint_generation(checkpoint);
    sky_checkpoint_close(checkpoint);
    return status;
}

static void check_files(struct sky_span a, struct sky_span b)
{
    struct sky_span in_a = {0}, in_b = {0};
    struct sky_buffer loaded = {0};
    put_file(paths[0], a);
    put_file(paths[1], b);
    uint64_t generation, rank_a = rank(a, &in_a), rank_b = rank(b, &in_b);
    enum sky_status status = open_and_load(&loaded, &generation);
    require((status == SKY_OK) == (rank_a || rank_b));
    require(status != SKY_E_IO && status != SKY_E_MEMORY && (status == SKY_E_END) == (!a.len && !b.len));
    if (status == SKY_OK) {
        struct sky_span got = sky_buffer_span(&loaded);
        require((rank_a >= rank_b && sky_span_equal(got, in_a)) || (rank_b >= rank_a && sky_span_equal(got, in_b)));
        check_sections(got);
    } else {
        require(loaded.len == 0);
    }
    sky_buffer_clean_up(&loaded);
}

static void put_number(uint8_t *at, uint64_t value, int width)
{
    for (int i = 0; i < width; i++, value >>= 8)
        at[i] = (uint8_t)value;
}

static void check_framed(struct sky_span payload, uint8_t change, size_t where)
{
    struct sky_buffer file = {0}, loaded = {0};
    uint8_t header[SKY_CHECKPOINT_HEADER_BYTES] = "SKYTREND";
    uint64_t generation;
    put_number(header + 8, SKY_CHECKPOINT_VERSION, 4);
    put_number(header + 16, 5, 8);
    put_number(header + 24, payload.len, 8);
    put_number(header + 32, sky_hash_id(payload), 8);
    put_number(header + 12, sky_hash_id(sky_span_of(header, sizeof header)), 4);
    sky_buffer_put(&file, header, sizeof header);
    sky_buffer_put_span(&file, payload);
    require(!file.failed);
    put_file(paths[0], sky_buffer_span(&file));
    put_file(paths[1], SKY_SPAN(""));
    require(open_and_load(&loaded, &generation) == SKY_OK && generation == 5);
    require(sky_span_equal(sky_buffer_span(&loaded), payload));
    check_sections(payload);
    file.ptr[where % file.len] ^= change ? change : 1;
    put_file(paths[0], sky_buffer_span(&file));
    require(open_and_load(&loaded, &generation) == SKY_E_CHECKSUM && loaded.len == 0);
    sky_buffer_clean_up(&file);
    sky_buffer_clean_up(&loaded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    struct sky_span rest = sky_span_of(data + 3, size - 3);
    size_t where = number(data + 1, 2);
    if (data[0] & 1) {
        check_framed(rest, data[0], where);
    } else {
        size_t split = where < rest.len ? where : rest.len;
        check_files(sky_span_of(rest.ptr, split), sky_span_from(rest, split));
    }
    return 0;
}
