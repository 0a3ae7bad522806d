#include "stage/row.h"

#include "base/hash.h"

void sky_number_put(struct sky_buffer *buffer, uint32_t number)
{
    while (number >= 0x80) {
        sky_buffer_put_u8(buffer, (uint8_t)(number | 0x80));
        number >>= 7;
    }
    sky_buffer_put_u8(buffer, (uint8_t)number);
}

uint32_t sky_number_get(struct sky_reader *reader)
{
    uint32_t number = 0;
    for (uint32_t shift = 0; shift < 35; shift += 7) {
        uint8_t byte = sky_reader_u8(reader);
        if (shift == 28 && byte > 15)
            break;
        number |= (uint32_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return number;
    }
    sky_reader_fail(reader, SKY_E_RANGE, "not a number of a row");
    return 0;
}

void sky_row_put(struct sky_buffer *buffer, const struct sky_row *row)
{
    sky_buffer_put_u8(buffer, (uint8_t)row->flags);
    sky_number_put(buffer, row->language);
    sky_number_put(buffer, row->count);
    sky_number_put(buffer, row->unique_authors);
    if (row->flags & SKY_ROW_HAS_TEXT) {
        sky_buffer_put_u8(buffer, (uint8_t)row->kind);
        sky_buffer_put_u8(buffer, (uint8_t)row->keyword.len);
        sky_buffer_put_span(buffer, row->keyword);
    } else {
        sky_buffer_put_u64(buffer, row->id);
    }
    if (row->flags & SKY_ROW_IS_ALL)
        sky_number_put(buffer, row->spread);
    if (!(row->flags & SKY_ROW_HAS_PICKS))
        return;
    sky_buffer_put_u8(buffer, (uint8_t)row->picks_count);
    for (uint32_t i = 0; i < row->picks_count; i++) {
        sky_buffer_put_u64(buffer, row->picks[i].post_id);
        sky_buffer_put_u64(buffer, row->picks[i].author_id);
    }
}

static void get_picks(struct sky_reader *reader, struct sky_row *row)
{
    row->picks_count = sky_reader_u8(reader);
    if (row->picks_count > SKY_SAMPLES_MAX)
        sky_reader_fail(reader, SKY_E_RANGE, "more samples than a keyword has");
    for (uint32_t i = 0; i < row->picks_count && sky_reader_ok(reader); i++) {
        row->picks[i].post_id = sky_reader_u64(reader);
        row->picks[i].author_id = sky_reader_u64(reader);
    }
}

void sky_row_get(struct sky_reader *reader, struct sky_row *row)
{
    row->flags = sky_reader_u8(reader);
    row->language = sky_number_get(reader);
    row->count = sky_number_get(reader);
    row->unique_authors = sky_number_get(reader);
    row->kind = SKY_KEYWORD_WORD;
    row->keyword = (struct sky_span){0};
    row->picks_count = row->spread = 0;
    if (row->flags & SKY_ROW_HAS_TEXT) {
        uint8_t kind = sky_reader_u8(reader);
        if (kind > SKY_KEYWORD_PHRASE)
            sky_reader_fail(reader, SKY_E_RANGE, "not a keyword");
        row->kind = kind;
        row->keyword = sky_reader_bytes(reader, sky_reader_u8(reader));
        row->id = sky_hash_id(row->keyword);
    } else {
        row->id = sky_reader_u64(reader);
    }
    if (row->flags & SKY_ROW_IS_ALL)
        row->spread = sky_number_get(reader);
    if (row->flags & SKY_ROW_HAS_PICKS)
        get_picks(reader, row);
}

void sky_rows_put(struct sky_buffer *buffer, const struct sky_sliding_row *rows, uint32_t count)
{
    sky_number_put(buffer, count);
    for (uint32_t i = 0; i < count; i++) {
        struct sky_row row = {.flags = SKY_ROW_HAS_TEXT,
                              .language = rows[i].language,
                              .count = rows[i].count,
                              .unique_authors = rows[i].unique_authors,
                              .kind = rows[i].kind,
                              .keyword = rows[i].keyword};
        sky_row_put(buffer, &row);
    }
}
