#include "app/query_output.h"

#include <stdlib.h>
#include <string.h>

#include "base/printable.h"
#include "text/display_width.h"
#include "wire/json_write.h"

#define NUMBER_SIZE    64
#define CELL_WIDTH_MAX 60 /* columns of the screen */
#define ELLIPSIS       "\xe2\x80\xa6"

struct writing {
    const struct sky_query_output *output;
    const struct sky_lake_column *columns;
    size_t columns_count;
    uint64_t rows;
    struct sky_buffer line;
    /* of a table */
    struct sky_buffer cells; /* each with a NUL behind it */
    size_t widths[SKY_LAKE_QUERY_COLUMNS_MAX];
    bool hidden[SKY_LAKE_QUERY_COLUMNS_MAX];
};

static enum sky_status write_line(struct writing *writing)
{
    struct sky_buffer *line = &writing->line;
    sky_buffer_put_u8(line, '\n');
    if (line->failed)
        return SKY_E_MEMORY;
    size_t written = fwrite(line->ptr, 1, line->len, writing->output->out);
    bool whole = written == line->len;
    sky_buffer_clear(line);
    return whole ? SKY_OK : SKY_E_IO;
}

/* ---- JSON ---- */

/* DuckDB writes infinities and NaN too, which JSON has not. */
static bool is_json_number(struct sky_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!strchr("0123456789+-.eE", text.ptr[i]))
            return false;
    return text.len > 0;
}

static void put_json_value(struct sky_json_writer *json, enum sky_lake_value_kind kind, struct sky_span value)
{
    if (!value.ptr)
        sky_json_null(json);
    else if (kind == SKY_LAKE_VALUE_JSON || kind == SKY_LAKE_VALUE_BOOL ||
             (kind == SKY_LAKE_VALUE_NUMBER && is_json_number(value)))
        sky_json_raw(json, value);
    else
        sky_json_span(json, value);
}

static enum sky_status write_json(void *context, const struct sky_span *values)
{
    struct writing *writing = context;
    struct sky_json_writer json;
    sky_json_begin(&json, &writing->line);
    sky_json_object(&json);
    for (size_t i = 0; i < writing->columns_count; i++) {
        sky_json_key_span(&json, sky_span_from_string(writing->columns[i].name));
        put_json_value(&json, writing->columns[i].kind, values[i]);
    }
    sky_json_end(&json);
    writing->rows++;
    return write_line(writing);
}

/* ---- CSV (RFC 4180) ---- */

static bool is_formula(struct sky_span value)
{
    return value.len && strchr("=+-@\t\r\n", value.ptr[0]) != NULL;
}

static void put_csv_bytes(struct sky_buffer *line, struct sky_span value, bool is_text)
{
    bool quoted = is_text && is_formula(value);
    for (size_t i = 0; !quoted && i < value.len; i++)
        quoted = strchr(",\"\r\n", value.ptr[i]) != NULL && value.ptr[i];
    if (!quoted) {
        sky_buffer_put_span(line, value);
        return;
    }
    sky_buffer_put_u8(line, '"');
    if (is_text && is_formula(value))
        sky_buffer_put_u8(line, '\'');
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '"')
            sky_buffer_put_u8(line, '"');
        sky_buffer_put_u8(line, value.ptr[i]);
    }
    sky_buffer_put_u8(line, '"');
}

static void put_csv_value(struct writing *writing, struct sky_span value, bool is_text)
{
    struct sky_buffer clean = {0};
    if (writing->output->for_terminal)
        sky_buffer_put_printable(&clean, value);
    put_csv_bytes(&writing->line, writing->output->for_terminal ? sky_buffer_span(&clean) : value, is_text);
    writing->line.failed |= clean.failed;
    sky_buffer_clean_up(&clean);
}

static enum sky_status write_csv(void *context, const struct sky_span *values)
{
    struct writing *writing = context;
    for (size_t i = 0; i < writing->columns_count; i++) {
        enum sky_lake_value_kind kind = writing->columns[i].kind;
        if (i)
            sky_buffer_put_u8(&writing->line, ',');
        put_csv_value(writing, values[i], kind == SKY_LAKE_VALUE_TEXT || kind == SKY_LAKE_VALUE_JSON);
    }
    writing->rows++;
    return write_line(writing);
}

static enum sky_status write_csv_head(struct writing *writing)
{
    for (size_t i = 0; i < writing->columns_count; i++) {
        if (i)
            sky_buffer_put_u8(&writing->line, ',');
        put_csv_value(writing, sky_span_from_string(writing->columns[i].name), true);
    }
    return write_line(writing);
}

/* ---- a table ---- */

static void add_cell(struct writing *writing, size_t column, struct sky_span value)
{
    struct sky_buffer clean = {0};
    sky_buffer_put_printable(&clean, value);
    uint32_t width;
    struct sky_span text = sky_display_prefix(sky_buffer_span(&clean), CELL_WIDTH_MAX, &width);
    bool is_cut = text.len < clean.len;
    width += is_cut;
    sky_buffer_put_span(&writing->cells, text);
    sky_buffer_put_string(&writing->cells, is_cut ? ELLIPSIS : "");
    sky_buffer_put_u8(&writing->cells, '\0');
    writing->cells.failed |= clean.failed;
    sky_buffer_clean_up(&clean);
    if (width > writing->widths[column])
        writing->widths[column] = width;
}

/* For reading: six digits of a number are enough, where it has a fraction. */
static void add_number(struct writing *writing, size_t column, struct sky_span value)
{
    char text[NUMBER_SIZE];
    if (value.len >= sizeof text || !memchr(value.ptr, '.', value.len)) {
        add_cell(writing, column, value);
        return;
    }
    snprintf(text, sizeof text, "%.*s", (int)value.len, (const char *)value.ptr);
    snprintf(text, sizeof text, "%.6g", strtod(text, NULL));
    add_cell(writing, column, sky_span_from_string(text));
}

static enum sky_status add_row(void *context, const struct sky_span *values)
{
    struct writing *writing = context;
    for (size_t i = 0; i < writing->columns_count; i++)
        if (!writing->hidden[i] && writing->columns[i].kind == SKY_LAKE_VALUE_NUMBER && values[i].ptr)
            add_number(writing, i, values[i]);
        else if (!writing->hidden[i])
            add_cell(writing, i, values[i]);
    writing->rows++;
    return writing->cells.failed ? SKY_E_MEMORY : SKY_OK;
}

static void put_cell(struct writing *writing, size_t column, const char *cell, bool is_last)
{
    struct sky_span text = sky_span_from_string(cell);
    bool right = writing->columns[column].kind == SKY_LAKE_VALUE_NUMBER;
    size_t width = sky_display_width(text), fill = writing->widths[column] - width;
    for (size_t i = 0; right && i < fill; i++)
        sky_buffer_put_u8(&writing->line, ' ');
    sky_buffer_put_span(&writing->line, text);
    for (size_t i = 0; !right && !is_last && i < fill; i++)
        sky_buffer_put_u8(&writing->line, ' ');
    if (!is_last)
        sky_buffer_put_string(&writing->line, "  ");
}

static enum sky_status write_table(struct writing *writing)
{
    const char *cell = (const char *)writing->cells.ptr;
    enum sky_status status = SKY_OK;
    size_t last = writing->columns_count;
    while (last > 0 && writing->hidden[last - 1])
        last--;
    for (uint64_t row = 0; status == SKY_OK && row <= writing->rows; row++) { /* the first are the names */
        for (size_t i = 0; i < last; i++) {
            if (writing->hidden[i])
                continue;
            put_cell(writing, i, cell, i + 1 == last);
            cell += strlen(cell) + 1;
        }
        status = write_line(writing);
    }
    return status;
}

static void begin_table(struct writing *writing)
{
    for (size_t i = 0; i < writing->columns_count; i++) {
        const char *const *hidden = writing->output->hidden;
        for (; hidden && *hidden; hidden++)
            writing->hidden[i] |= strcmp(*hidden, writing->columns[i].name) == 0;
        if (!writing->hidden[i])
            add_cell(writing, i, sky_span_from_string(writing->columns[i].name));
    }
}

enum sky_status sky_query_output_write(const struct sky_query_output *output, struct sky_lake_query *query,
                                       uint64_t *rows)
{
    struct writing *writing = calloc(1, sizeof *writing);
    enum sky_status status = SKY_OK;
    if (!writing)
        return SKY_E_MEMORY;
    writing->output = output;
    writing->columns = sky_lake_query_columns(query, &writing->columns_count);
    if (output->format == SKY_QUERY_TABLE)
        begin_table(writing);
    else if (output->format == SKY_QUERY_CSV)
        status = write_csv_head(writing);
    if (status == SKY_OK)
        status = sky_lake_query_rows(query,
                                     output->format == SKY_QUERY_TABLE  ? add_row
                                     : output->format == SKY_QUERY_JSON ? write_json
                                                                        : write_csv,
                                     writing);
    if (status == SKY_OK && output->format == SKY_QUERY_TABLE)
        status = write_table(writing);
    if (status == SKY_OK && fflush(output->out) != 0)
        status = SKY_E_IO;
    *rows = writing->rows;
    sky_buffer_clean_up(&writing->line);
    sky_buffer_clean_up(&writing->cells);
    free(writing);
    return status;
}
