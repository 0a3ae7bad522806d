/* Whatever walks reads inside the archive; what was walked to its end is written again byte for byte; and looking for
 * the blocks finds the first of each CID, few at a time or many at once, or the error that walking finds. */
#include <stdlib.h>

#include "wire/car.h"
#include "wire/cid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool inside(struct sky_span part, struct sky_span whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_find(struct sky_span input, const struct sky_car_block *blocks, size_t count)
{
    struct sky_car_want many[SKY_CAR_FIND_MAX] = {0};
    struct sky_car_reader reader;
    for (size_t i = 0; i < count; i++)
        many[i].cid = blocks[i].cid;
    require(sky_car_open(&reader, input) == SKY_OK && sky_car_find(&reader, many, count) == SKY_OK);
    for (size_t i = 0; i < count; i++) {
        size_t first = 0;
        while (!sky_span_equal(blocks[first].cid, blocks[i].cid))
            first++;
        require(many[i].found && many[i].data.ptr == blocks[first].data.ptr);
    }
}

/* Looking for what is not there finds the same end as walking. */
static void check_end(struct sky_span input, enum sky_status status, size_t offset)
{
    uint8_t cid[SKY_CID_SIZE_BYTES] = {0x01, SKY_CID_RAW, 0x12, 0x20, 'n', 'o'};
    struct sky_car_want want = {.cid = sky_span_of(cid, sizeof cid)};
    struct sky_car_reader reader;
    enum sky_status found = sky_car_open(&reader, input);
    if (found == SKY_OK)
        found = sky_car_find(&reader, &want, 1);
    require(found == (status == SKY_E_END ? SKY_OK : status) && reader.error.offset == offset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sky_span input = sky_span_of(data, size);
    struct sky_car_block blocks[SKY_CAR_FIND_MAX], block;
    struct sky_car_reader reader;
    struct sky_buffer again = {0};
    size_t count = 0;
    enum sky_status status = sky_car_open(&reader, input);
    if (status == SKY_OK)
        sky_car_write_section(&again, reader.header);
    while (status == SKY_OK && (status = sky_car_next(&reader, &block)) == SKY_OK) {
        require(inside(block.cid, input) && inside(block.data, input));
        sky_car_write_block(&again, block.cid, block.data);
        if (count < SKY_CAR_FIND_MAX)
            blocks[count++] = block;
    }
    require(status != SKY_OK && reader.error.offset <= size);
    check_end(input, status, reader.error.offset);
    if (status == SKY_E_END) {
        require(sky_span_equal(sky_buffer_span(&again), input));
        check_find(input, blocks, count);
        check_find(input, blocks, count < 8 ? count : 8);
    }
    sky_buffer_clean_up(&again);
    return 0;
}
