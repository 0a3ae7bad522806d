/* bench spool: records of the size of a post through the queue on disk, an fsync a batch of about a MiB, read again by
 * the thread of a sender that keeps up. By the clock, not by CPU time: the disk is what is measured, so the figure is
 * of the machine it was made on. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "io/spool/spool.h"

#define RECORDS       2000000
#define RECORDS_QUICK 20000
#define VALUE_BYTES   668 /* with a DID as the key: 700 */
#define BATCH_BYTES   1048576
#define STATE_BYTES   2500

struct sender {
    struct sky_spool *spool;
    uint64_t records;
    uint64_t read;
    double seconds;
};

static void *send_all(void *context)
{
    struct sender *sender = context;
    struct sky_spool_reader *reader;
    struct sky_spool_batch batch;
    if (sky_spool_reader_open(sender->spool, 0, &reader) != SKY_OK)
        return NULL;
    double began_s = bench_now_s();
    while (sender->read < sender->records) {
        struct sky_spool_record record;
        enum sky_status status = sky_spool_reader_next(reader, 10000, &batch);
        if (status != SKY_OK)
            break;
        while (sky_spool_batch_next(&batch, &record))
            sender->read += record.value.len == VALUE_BYTES;
        if (sky_spool_release(sender->spool, batch.next_position) != SKY_OK)
            break;
    }
    sender->seconds = bench_now_s() - began_s;
    sky_spool_reader_close(reader);
    return NULL;
}

static enum sky_status receive_all(struct sky_spool *spool, uint64_t records)
{
    static uint8_t value[VALUE_BYTES], state[STATE_BYTES];
    enum sky_status status = SKY_OK;
    for (uint64_t i = 0; i < records && status == SKY_OK; i++) {
        memcpy(value, &i, sizeof i);
        struct sky_spool_record record = {.event_time_ms = (int64_t)i,
                                          .seq = (int64_t)i,
                                          .identity = i,
                                          .key = SKY_SPAN("did:plc:ewvi7nxzyoun6zhxrhs64oiz"),
                                          .value = sky_span_of(value, sizeof value)};
        status = sky_spool_put(spool, &record);
        if (status == SKY_OK && (sky_spool_pending(spool).bytes >= BATCH_BYTES || i + 1 == records))
            status = sky_spool_commit(spool, (int64_t)i, sky_span_of(state, sizeof state));
    }
    return status;
}

static int measure(const struct bench_options *options, const char *folder)
{
    struct sky_spool_message message;
    struct sky_spool_options spool_options = {.directory = folder};
    struct sender sender = {.records = options->quick ? RECORDS_QUICK : RECORDS};
    pthread_t thread;
    if (sky_spool_open(&spool_options, &sender.spool, &message) != SKY_OK) {
        fprintf(stderr, "bench: %s\n", message.text);
        return 1;
    }
    double began_s = bench_now_s();
    bool started = pthread_create(&thread, NULL, send_all, &sender) == 0;
    enum sky_status status = receive_all(sender.spool, sender.records);
    double seconds = bench_now_s() - began_s;
    if (started)
        pthread_join(thread, NULL);
    sky_spool_close(sender.spool);
    if (status != SKY_OK || sender.read != sender.records) {
        fprintf(stderr, "bench: %s, %" PRIu64 " read\n", status == SKY_E_IO ? strerror(errno) : sky_status_name(status),
                sender.read);
        return 1;
    }
    double records = (double)sender.records, mb = records * 700 / 1e6;
    bench_print(options, "spool", "append and fsync", "posts_per_s", records / seconds, mb / seconds);
    bench_print(options, "spool", "read beside it", "posts_per_s", records / sender.seconds, mb / sender.seconds);
    return 0;
}

/* The folder and what the spool left in it. */
static void remove_folder(const char *folder)
{
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    while (entries && (entry = readdir(entries)) != NULL)
        unlinkat(dirfd(entries), entry->d_name, 0); /* not "." and "..", which are folders */
    if (entries)
        closedir(entries);
    rmdir(folder);
}

int bench_spool(const struct bench_options *options)
{
    char folder[] = "bench-spool-XXXXXX";
    if (!mkdtemp(folder)) {
        fprintf(stderr, "bench: %s: %s\n", folder, strerror(errno));
        return 1;
    }
    int code = measure(options, folder);
    remove_folder(folder);
    return code;
}
