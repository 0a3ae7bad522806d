#include "io/kafka/offset_ledger.h"

#include <stdlib.h>
#include <string.h>

#define OFFSET_NONE INT64_C(-1)

struct ledger_partition {
    int32_t number;
    uint32_t generation;
    bool is_ours;
    bool at_end;
    int64_t next;      /* behind everything read */
    int64_t committed; /* or OFFSET_NONE */
    int64_t *open;     /* offsets under way, rising */
    size_t open_count;
    size_t open_capacity;
};

struct sky_offset_ledger {
    struct ledger_partition *partitions;
    size_t count;
    uint32_t generations;
};

enum sky_status sky_offset_ledger_new(struct sky_offset_ledger **ledger)
{
    *ledger = calloc(1, sizeof **ledger);
    return *ledger ? SKY_OK : SKY_E_MEMORY;
}

void sky_offset_ledger_free(struct sky_offset_ledger *ledger)
{
    if (!ledger)
        return;
    for (size_t i = 0; i < ledger->count; i++)
        free(ledger->partitions[i].open);
    free(ledger->partitions);
    free(ledger);
}

static struct ledger_partition *find(const struct sky_offset_ledger *ledger, int32_t number)
{
    for (size_t i = 0; i < ledger->count; i++)
        if (ledger->partitions[i].number == number)
            return &ledger->partitions[i];
    return NULL;
}

static struct ledger_partition *find_ours(const struct sky_offset_ledger *ledger, int32_t number)
{
    struct ledger_partition *partition = find(ledger, number);
    return partition && partition->is_ours ? partition : NULL;
}

enum sky_status sky_offset_ledger_assign(struct sky_offset_ledger *ledger, int32_t number)
{
    struct ledger_partition *partition = find(ledger, number);
    if (!partition) {
        struct ledger_partition *more = realloc(ledger->partitions, (ledger->count + 1) * sizeof *ledger->partitions);
        if (!more)
            return SKY_E_MEMORY;
        ledger->partitions = more;
        partition = &more[ledger->count++];
        *partition = (struct ledger_partition){.number = number};
    }
    partition->generation = ++ledger->generations;
    partition->is_ours = true;
    partition->at_end = false;
    partition->next = partition->committed = OFFSET_NONE;
    partition->open_count = 0;
    return SKY_OK;
}

void sky_offset_ledger_revoke(struct sky_offset_ledger *ledger, int32_t number)
{
    struct ledger_partition *partition = find(ledger, number);
    if (partition)
        partition->is_ours = false;
}

enum sky_status sky_offset_ledger_take(struct sky_offset_ledger *ledger, int32_t number, int64_t offset,
                                       struct sky_offset_ticket *ticket)
{
    struct ledger_partition *partition = find_ours(ledger, number);
    if (!partition)
        return SKY_E_MISSING;
    if (partition->open_count == partition->open_capacity) {
        size_t capacity = partition->open_capacity ? partition->open_capacity * 2 : 64;
        int64_t *more = realloc(partition->open, capacity * sizeof *more);
        if (!more)
            return SKY_E_MEMORY;
        partition->open = more;
        partition->open_capacity = capacity;
    }
    partition->open[partition->open_count++] = offset;
    partition->next = offset + 1;
    partition->at_end = false;
    *ticket = (struct sky_offset_ticket){number, partition->generation, offset};
    return SKY_OK;
}

void sky_offset_ledger_done(struct sky_offset_ledger *ledger, const struct sky_offset_ticket *ticket)
{
    struct ledger_partition *partition = find_ours(ledger, ticket->partition);
    if (!partition || partition->generation != ticket->generation)
        return;
    size_t low = 0, high = partition->open_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (partition->open[middle] < ticket->offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == partition->open_count || partition->open[low] != ticket->offset)
        return;
    partition->open_count--;
    memmove(partition->open + low, partition->open + low + 1, (partition->open_count - low) * sizeof *partition->open);
}

void sky_offset_ledger_pass(struct sky_offset_ledger *ledger, int32_t number, int64_t offset, bool at_end)
{
    struct ledger_partition *partition = find_ours(ledger, number);
    if (!partition)
        return;
    if (offset > partition->next)
        partition->next = offset;
    partition->at_end = at_end;
}

static bool is_due(const struct ledger_partition *partition, struct sky_offset_place *place)
{
    int64_t offset = partition->open_count ? partition->open[0] : partition->next;
    if (!partition->is_ours || offset == OFFSET_NONE || offset == partition->committed)
        return false;
    *place = (struct sky_offset_place){partition->number, partition->generation, offset};
    return true;
}

bool sky_offset_ledger_due(const struct sky_offset_ledger *ledger, struct sky_offset_place *place)
{
    for (size_t i = 0; i < ledger->count; i++)
        if (is_due(&ledger->partitions[i], place))
            return true;
    return false;
}

bool sky_offset_ledger_due_of(const struct sky_offset_ledger *ledger, int32_t number, struct sky_offset_place *place)
{
    const struct ledger_partition *partition = find(ledger, number);
    return partition && is_due(partition, place);
}

void sky_offset_ledger_committed(struct sky_offset_ledger *ledger, const struct sky_offset_place *place)
{
    struct ledger_partition *partition = find_ours(ledger, place->partition);
    if (partition && partition->generation == place->generation)
        partition->committed = place->offset;
}

bool sky_offset_ledger_is_at_end(const struct sky_offset_ledger *ledger)
{
    bool any = false;
    for (size_t i = 0; i < ledger->count; i++) {
        const struct ledger_partition *partition = &ledger->partitions[i];
        if (partition->is_ours && (!partition->at_end || partition->open_count))
            return false;
        any |= partition->is_ours;
    }
    return any;
}
