#include "io/kafka/post_merge.h"

#include <stdlib.h>

#include "base/time.h"
#include "event/post_json.h"

/* Before all time there is, and a whole minute. */
#define REACHED_NOTHING (INT64_MIN / 2 / SKY_MINUTE_MS * SKY_MINUTE_MS)

struct partition {
    struct sky_post_json_reader reader;
    struct sky_kafka_record record;
    struct sky_post post; /* parsed from it; when has_head */
    int64_t reached_ms;   /* nothing older follows, as far as the partition has told */
    int64_t position;     /* offset behind the last record given */
    bool has_head;
};

struct sky_post_merge {
    struct sky_post_source source;
    struct partition partitions[];
};

struct sky_post_merge *sky_post_merge_new(const struct sky_post_source *source)
{
    struct sky_post_merge *merge = calloc(1, sizeof *merge + source->partitions * sizeof merge->partitions[0]);
    if (!merge)
        return NULL;
    merge->source = *source;
    for (uint32_t i = 0; i < source->partitions; i++) {
        sky_post_json_reader_init(&merge->partitions[i].reader);
        merge->partitions[i].reached_ms = REACHED_NOTHING;
    }
    return merge;
}

void sky_post_merge_free(struct sky_post_merge *merge)
{
    if (!merge)
        return;
    for (uint32_t i = 0; i < merge->source.partitions; i++)
        sky_post_json_reader_clean_up(&merge->partitions[i].reader);
    free(merge);
}

void sky_post_merge_begin(struct sky_post_merge *merge, uint32_t partition, int64_t offset)
{
    merge->partitions[partition].position = offset;
}

int64_t sky_post_merge_position(const struct sky_post_merge *merge, uint32_t partition)
{
    return merge->partitions[partition].position;
}

/* The oldest record at hand; NULL when there is none. */
static struct partition *oldest_head(struct sky_post_merge *merge)
{
    struct partition *oldest = NULL;
    for (uint32_t i = 0; i < merge->source.partitions; i++) {
        struct partition *one = &merge->partitions[i];
        if (one->has_head && (!oldest || one->post.event_time_ms < oldest->post.event_time_ms))
            oldest = one;
    }
    return oldest;
}

/* The partition that may still have something older than `head`: of those without a record the one that has come least
 * far. NULL when there is none. */
static struct partition *find_behind(struct sky_post_merge *merge, const struct partition *head)
{
    struct partition *behind = NULL;
    for (uint32_t i = 0; i < merge->source.partitions; i++) {
        struct partition *one = &merge->partitions[i];
        if (!one->has_head && (!head || one->reached_ms < head->post.event_time_ms) &&
            (!behind || one->reached_ms < behind->reached_ms))
            behind = one;
    }
    return behind;
}

/* Get the next record of a partition that has none at hand. */
static enum sky_merge_event pull(struct sky_post_merge *merge, struct partition *partition, int timeout_ms,
                                 struct sky_merged *item)
{
    item->partition = (uint32_t)(partition - merge->partitions);
    enum sky_status status = merge->source.next(merge->source.context, item->partition, timeout_ms, &partition->record);
    if (status == SKY_E_MISSING)
        return SKY_MERGE_WAITING;
    if (status != SKY_OK) {
        item->error = (struct sky_error){status, 0, "the partition cannot be read"};
        return SKY_MERGE_FAILED;
    }
    const struct sky_post_record record = {partition->record.value, partition->record.timestamp_ms};
    if (sky_post_record_read(&partition->reader, &record, &partition->post, &item->error) == SKY_OK) {
        partition->has_head = true;
        return SKY_MERGE_POST;
    }
    if (item->error.status == SKY_E_MEMORY)
        return SKY_MERGE_FAILED;
    item->record = partition->record;
    partition->position = partition->record.offset + 1;
    return SKY_MERGE_BAD;
}

static void give(struct sky_post_merge *merge, struct partition *head, struct sky_merged *item)
{
    int64_t time_ms = head->post.event_time_ms;
    head->post.late = sky_time_floor(time_ms, SKY_MINUTE_MS) < sky_time_floor(head->reached_ms, SKY_MINUTE_MS);
    if (time_ms > head->reached_ms)
        head->reached_ms = time_ms;
    head->has_head = false;
    head->position = head->record.offset + 1;
    *item = (struct sky_merged){
        .partition = (uint32_t)(head - merge->partitions), .post = &head->post, .record = head->record};
}

/* Each partition that is behind is asked once without waiting, and one of them at the end with the wait. What was given
 * last stays readable until here: its partition is not asked before. */
enum sky_merge_event sky_post_merge_next(struct sky_post_merge *merge, int timeout_ms, struct sky_merged *item)
{
    bool waited = false;
    *item = (struct sky_merged){0};
    for (;;) {
        struct partition *head = oldest_head(merge), *behind = find_behind(merge, head);
        if (!behind && head) {
            give(merge, head, item);
            return SKY_MERGE_POST;
        }
        if (!behind)
            return SKY_MERGE_WAITING;
        enum sky_merge_event event = pull(merge, behind, 0, item);
        if (event == SKY_MERGE_WAITING && !waited && timeout_ms > 0) {
            event = pull(merge, behind, timeout_ms, item);
            waited = true;
        }
        if (event != SKY_MERGE_POST)
            return event;
    }
}
