/* inspect: bytes of the protocol, looked at one item a line. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "event/firehose.h"
#include "wire/atproto_json.h"
#include "wire/car.h"
#include "wire/cid.h"
#include "wire/data_model.h"

#define INPUT_SIZE_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define CHUNK_SIZE_BYTES     ((size_t)64 * 1024)

enum as { AS_FRAME, AS_CAR, AS_DAG_CBOR, AS_RECORD };
enum to { TO_JSON, TO_HEX };

struct inspector {
    enum as as;
    enum to to;
    struct sky_buffer line;  /* what is printed for the item */
    struct sky_buffer bytes; /* canonical bytes, before they become hex */
    struct sky_json_writer json;
    struct sky_error error;
    int output_error; /* errno; 0: what was printed so far is out */
};

static void fail(struct inspector *inspector, struct sky_error error, size_t base)
{
    if (inspector->error.status == SKY_OK && error.status) {
        inspector->error = error;
        inspector->error.offset += base;
    }
}

/* One CBOR item at the reader, in the form asked for. */
static void put_item(struct inspector *inspector, struct sky_dagcbor_reader *reader)
{
    if (inspector->to == TO_HEX)
        sky_dagcbor_copy(reader, &inspector->bytes);
    else if (inspector->as == AS_DAG_CBOR)
        sky_dag_json_write(reader, &inspector->json);
    else
        sky_atproto_json_write(reader, &inspector->json);
}

static void inspect_item(struct inspector *inspector, struct sky_span item, enum sky_dagcbor_mode mode)
{
    struct sky_dagcbor_reader reader;
    struct sky_error error;
    enum sky_status status =
        mode == SKY_DAGCBOR_RECORD ? sky_data_model_check(item, &error) : sky_dagcbor_validate(item, mode, &error);
    fail(inspector, error, 0);
    if (status)
        return;
    sky_dagcbor_init(&reader, item, mode);
    put_item(inspector, &reader);
}

/* {"header": ..., "body": ...}; the frame was decoded strictly, so both are there. */
static void put_frame(struct inspector *inspector, struct sky_span frame)
{
    struct sky_dagcbor_reader reader;
    sky_dagcbor_init(&reader, frame, SKY_DAGCBOR_RECORD);
    if (inspector->to == TO_HEX) {
        put_item(inspector, &reader);
        put_item(inspector, &reader);
        return;
    }
    sky_json_object(&inspector->json);
    sky_json_key(&inspector->json, "header");
    put_item(inspector, &reader);
    sky_json_key(&inspector->json, "body");
    put_item(inspector, &reader);
    sky_json_end(&inspector->json);
}

static void inspect_frame(struct inspector *inspector, struct sky_span frame)
{
    static struct sky_event event; /* 25 KB; one at a time */
    struct sky_error error;
    enum sky_status status = sky_firehose_decode(frame, &event, &error);
    if (!status)
        status = sky_firehose_read_records(&event, SKY_SPAN(""), &error);
    fail(inspector, error, 0);
    if (!status)
        put_frame(inspector, frame);
}

/* {"cid": link, "data": the block}; a raw block is bytes. */
static void put_block(struct inspector *inspector, const struct sky_car_block *block, size_t offset)
{
    struct sky_dagcbor_reader reader;
    struct sky_error error;
    bool is_raw = block->cid.ptr[1] == SKY_CID_RAW;
    if (!sky_cid_matches(block->cid, block->data)) {
        fail(inspector, (struct sky_error){SKY_E_CID, 0, "a block whose SHA-256 is not its CID's"}, offset);
        return;
    }
    if (!is_raw && sky_dagcbor_validate(block->data, SKY_DAGCBOR_RECORD, &error)) {
        fail(inspector, error, offset + block->cid.len);
        return;
    }
    if (inspector->to == TO_HEX) {
        sky_car_write_block(&inspector->bytes, block->cid, block->data);
        return;
    }
    struct sky_buffer wrapped = {0}; /* links and bytes are spelt by the one writer there is */
    sky_dagcbor_put_map(&wrapped, 2);
    sky_dagcbor_put_text(&wrapped, SKY_SPAN("cid"));
    sky_dagcbor_put_link(&wrapped, block->cid);
    sky_dagcbor_put_text(&wrapped, SKY_SPAN("data"));
    if (is_raw)
        sky_dagcbor_put_bytes(&wrapped, block->data);
    else
        sky_buffer_put_span(&wrapped, block->data);
    sky_dagcbor_init(&reader, sky_buffer_span(&wrapped), SKY_DAGCBOR_RECORD);
    put_item(inspector, &reader);
    fail(inspector, reader.error, offset);
    sky_buffer_clean_up(&wrapped);
}

static void put_car_header(struct inspector *inspector, struct sky_span header)
{
    struct sky_dagcbor_reader reader;
    sky_dagcbor_init(&reader, header, SKY_DAGCBOR_RECORD);
    if (inspector->to == TO_HEX) {
        struct sky_buffer copy = {0};
        sky_dagcbor_copy(&reader, &copy);
        sky_car_write_section(&inspector->bytes, sky_buffer_span(&copy));
        sky_buffer_clean_up(&copy);
        return;
    }
    sky_json_object(&inspector->json);
    sky_json_key(&inspector->json, "header");
    put_item(inspector, &reader);
    sky_json_key(&inspector->json, "blocks");
    sky_json_array(&inspector->json);
}

static void inspect_car(struct inspector *inspector, struct sky_span input)
{
    struct sky_car_reader car;
    struct sky_car_block block;
    enum sky_status status = sky_car_open(&car, input);
    if (!status)
        put_car_header(inspector, car.header);
    while (!status && !inspector->error.status && (status = sky_car_next(&car, &block)) == SKY_OK)
        put_block(inspector, &block, (size_t)(block.cid.ptr - input.ptr));
    fail(inspector, car.error, 0);
    if (status == SKY_E_END && inspector->to == TO_JSON) {
        sky_json_end(&inspector->json);
        sky_json_end(&inspector->json);
    }
}

static void put_hex(struct sky_buffer *out, struct sky_span bytes)
{
    static const char digits[17] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        sky_buffer_put_u8(out, (uint8_t)digits[bytes.ptr[i] >> 4]);
        sky_buffer_put_u8(out, (uint8_t)digits[bytes.ptr[i] & 15]);
    }
}

static void inspect(struct inspector *inspector, struct sky_span input)
{
    inspector->line.len = 0;
    inspector->bytes.len = 0;
    inspector->error = (struct sky_error){0};
    sky_json_begin(&inspector->json, &inspector->line);
    switch (inspector->as) {
    case AS_FRAME: inspect_frame(inspector, input); break;
    case AS_CAR: inspect_car(inspector, input); break;
    case AS_DAG_CBOR: inspect_item(inspector, input, SKY_DAGCBOR_DRISL); break;
    case AS_RECORD: inspect_item(inspector, input, SKY_DAGCBOR_RECORD); break;
    }
    if (inspector->to == TO_HEX)
        put_hex(&inspector->line, sky_buffer_span(&inspector->bytes));
}

/* The item's line on stdout, or why there is none on `errors`. */
static bool print(struct inspector *inspector, FILE *errors)
{
    const struct sky_error *error = &inspector->error;
    if (inspector->line.failed || inspector->bytes.failed)
        inspector->error = (struct sky_error){SKY_E_MEMORY, 0, "no memory"};
    if (error->status) {
        if (fprintf(errors, "error %s at byte %zu: %s\n", sky_status_name(error->status), error->offset,
                    error->reason) < 0 &&
            errors == stdout)
            inspector->output_error = errno;
        return false;
    }
    sky_buffer_put_u8(&inspector->line, '\n');
    if (fwrite(inspector->line.ptr, 1, inspector->line.len, stdout) == inspector->line.len)
        return true;
    inspector->output_error = errno;
    return false;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes that `text` spells; on an error the offset counts bytes of the item. */
static struct sky_error read_hex(struct sky_span text, struct sky_buffer *bytes)
{
    for (size_t i = 0; i + 1 < text.len; i += 2) {
        int high = hex_digit(text.ptr[i]), low = hex_digit(text.ptr[i + 1]);
        if (high < 0 || low < 0)
            return (struct sky_error){SKY_E_MALFORMED, i / 2, "not hex"};
        sky_buffer_put_u8(bytes, (uint8_t)(high << 4 | low));
    }
    if (text.len % 2)
        return (struct sky_error){SKY_E_TRUNCATED, text.len / 2, "half a byte of hex"};
    return (struct sky_error){0};
}

static struct sky_span trim(struct sky_span line)
{
    while (line.len && strchr(" \t\r", line.ptr[line.len - 1]))
        line.len--;
    while (line.len && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
        line = sky_span_from(line, 1);
    return line;
}

static bool inspect_hex_line(struct inspector *inspector, struct sky_span line, struct sky_buffer *item)
{
    item->len = 0;
    struct sky_error error = read_hex(trim(line), item);
    if (error.status) {
        inspector->line.len = 0;
        inspector->error = error;
    } else {
        inspect(inspector, sky_buffer_span(item));
    }
    return print(inspector, stdout);
}

static bool inspect_hex_lines(struct inspector *inspector, struct sky_span input)
{
    struct sky_buffer item = {0};
    bool all_good = true;
    while (input.len && !inspector->output_error) {
        const uint8_t *end = memchr(input.ptr, '\n', input.len);
        size_t len = end ? (size_t)(end - input.ptr) : input.len;
        all_good &= inspect_hex_line(inspector, sky_span_of(input.ptr, len), &item);
        input = sky_span_from(input, len + 1);
    }
    sky_buffer_clean_up(&item);
    return all_good;
}

static bool read_all(int fd, struct sky_buffer *input)
{
    for (;;) {
        if (input->len > INPUT_SIZE_BYTES_MAX || !sky_buffer_reserve(input, CHUNK_SIZE_BYTES)) {
            errno = EFBIG;
            return false;
        }
        ssize_t got = read(fd, input->ptr + input->len, CHUNK_SIZE_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        input->len += (size_t)got;
    }
}

static bool read_file(const char *path, struct sky_buffer *input)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && read_all(fd, input);
    if (!good)
        fprintf(stderr, "skytrend inspect: %s: %s\n", path, strerror(errno));
    if (fd > STDERR_FILENO)
        close(fd);
    return good;
}

static int run(const struct sky_invocation *invocation)
{
    const struct sky_options *given = &invocation->options;
    struct inspector inspector = {.as = (enum as)sky_options_choice_place(given, "as"),
                                  .to = (enum to)sky_options_choice_place(given, "to")};
    struct sky_buffer input = {0};
    bool good = read_file(given->arguments[0], &input);
    if (good && sky_options_bool(given, "hex")) {
        good = inspect_hex_lines(&inspector, sky_buffer_span(&input));
    } else if (good) {
        inspect(&inspector, sky_buffer_span(&input));
        good = print(&inspector, stderr);
    }
    if (!inspector.output_error && fflush(stdout) != 0)
        inspector.output_error = errno;
    sky_buffer_clean_up(&input);
    sky_buffer_clean_up(&inspector.line);
    sky_buffer_clean_up(&inspector.bytes);
    if (inspector.output_error)
        return sky_command_output_failed(invocation->command->name, inspector.output_error);
    return good ? SKY_EXIT_OK : SKY_EXIT_FAILURE;
}

static const struct sky_option options[] = {
    {.name = "as",
     .rule = {SKY_VALUE_CHOICE, .choices = "frame|car|dag-cbor|record"},
     .value = "frame",
     .help = "what the bytes are: a firehose frame, a CAR archive, any DRISL item, or a record (no floats)"},
    {.name = "hex", .help = "each input line is one item in hex"},
    {.name = "to",
     .rule = {SKY_VALUE_CHOICE, .choices = "json|hex"},
     .value = "json",
     .help = "print JSON (DAG-JSON for dag-cbor, else ATProto's), or the canonical bytes in hex"},
    {0},
};

const struct sky_command sky_command_inspect = {
    .name = "inspect",
    .summary = "look into bytes of the protocol",
    .description =
        "Valid input is printed as one line. Bad input gives `error CODE at byte N: REASON` and exit code 1;\n"
        "with --hex that line stands in the item's place and the next line is read.",
    .arguments = "FILE|-",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .examples =
        (const char *const[]){
            "# a frame: one message of a relay",
            "echo a261746523696e666f626f7001a1646e616d656e4f75746461746564437572736f72 | skytrend inspect --hex -",
            "# any DRISL item", "echo a1616101 | skytrend inspect --as dag-cbor --hex -", NULL},
    .run = run,
};
