#include "wire/json_read.h"

#include <math.h>
#include <stdlib.h>

#include "base/utf8.h"

#define KEYS_COMPARED_PAIRWISE_MAX 24
#define NUMBER_LEN_MAX             64 /* ours: digits of a number with a fraction or an exponent */

struct parser {
    struct sky_json_document *document;
    struct sky_span input;
    size_t at;
    uint32_t depth;
    struct sky_error *error;
};

void sky_json_document_init(struct sky_json_document *document)
{
    *document = (struct sky_json_document){0};
}

void sky_json_document_clean_up(struct sky_json_document *document)
{
    free(document->values);
    sky_arena_clean_up(&document->strings);
    sky_json_document_init(document);
}

static bool fail_at(struct parser *parser, size_t offset, enum sky_status status, const char *reason)
{
    if (parser->error->status == SKY_OK)
        *parser->error = (struct sky_error){status, offset, reason};
    return false;
}

static bool fail(struct parser *parser, const char *reason)
{
    bool at_end = parser->at >= parser->input.len;
    return fail_at(parser, parser->at, at_end ? SKY_E_TRUNCATED : SKY_E_MALFORMED, reason);
}

/* The byte at the position, 0 at the end (which no JSON outside strings contains). */
static uint8_t peek(const struct parser *parser)
{
    return parser->at < parser->input.len ? parser->input.ptr[parser->at] : 0;
}

static void skip_space(struct parser *parser)
{
    uint8_t c;
    while ((c = peek(parser)) == ' ' || c == '\n' || c == '\r' || c == '\t')
        parser->at++;
}

/* A new value; its index, as the array may move. */
static bool append(struct parser *parser, enum sky_json_type type, uint32_t *index)
{
    struct sky_json_document *document = parser->document;
    if (document->count == SKY_JSON_VALUES_MAX)
        return fail_at(parser, parser->at, SKY_E_LIMIT, "more than 1,048,576 values");
    if (document->count == document->capacity) {
        uint32_t capacity = document->capacity ? document->capacity * 2 : 64;
        struct sky_json_value *grown = realloc(document->values, capacity * sizeof *grown);
        if (!grown)
            return fail_at(parser, parser->at, SKY_E_MEMORY, "no memory");
        document->values = grown;
        document->capacity = capacity;
    }
    *index = document->count++;
    document->values[*index] = (struct sky_json_value){.type = type, .size = 1, .offset = (uint32_t)parser->at};
    return true;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of a \u escape at `at`. */
static bool read_hex_4(struct parser *parser, size_t at, uint32_t *unit)
{
    *unit = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = at + i < parser->input.len ? hex_digit(parser->input.ptr[at + i]) : -1;
        if (digit < 0)
            return fail_at(parser, at, SKY_E_MALFORMED, "an escape without four hex digits");
        *unit = *unit << 4 | (uint32_t)digit;
    }
    return true;
}

/* The \u escape at parser->at, with the second half of a surrogate pair. */
static bool read_unicode_escape(struct parser *parser, uint32_t *code_point)
{
    size_t start = parser->at;
    uint32_t low;
    if (!read_hex_4(parser, start + 2, code_point))
        return false;
    parser->at += 6;
    if (*code_point < 0xd800 || *code_point > 0xdfff)
        return true;
    bool has_second = *code_point < 0xdc00 && parser->input.len - parser->at >= 6 && peek(parser) == '\\' &&
                      parser->input.ptr[parser->at + 1] == 'u';
    if (!has_second || !read_hex_4(parser, parser->at + 2, &low) || low < 0xdc00 || low > 0xdfff)
        return fail_at(parser, start, SKY_E_UTF8, "a lone surrogate");
    parser->at += 6;
    *code_point = 0x10000 + ((*code_point - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

static uint8_t simple_escape(uint8_t letter)
{
    switch (letter) {
    case '"':
    case '\\':
    case '/': return letter;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return 0;
    }
}

/* The escape at parser->at, into `out`; the bytes written, 0 on an error. */
static size_t read_escape(struct parser *parser, uint8_t *out)
{
    uint8_t letter = parser->at + 1 < parser->input.len ? parser->input.ptr[parser->at + 1] : 0;
    uint32_t code_point;
    if (letter == 'u')
        return read_unicode_escape(parser, &code_point) ? sky_utf8_put(code_point, out) : 0;
    out[0] = simple_escape(letter);
    if (!out[0]) {
        fail(parser, "an unknown escape");
        return 0;
    }
    parser->at += 2;
    return 1;
}

#define IN_EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* None of the eight bytes is a quote, a backslash or below 0x20: for each of the three, what is less than its bound
 * borrows from its highest bit. */
static inline bool is_plain_8(uint64_t bytes)
{
    uint64_t quote = bytes ^ IN_EACH_BYTE('"'), backslash = bytes ^ IN_EACH_BYTE('\\');
    uint64_t found = ((quote - IN_EACH_BYTE(1)) & ~quote) | ((backslash - IN_EACH_BYTE(1)) & ~backslash) |
                     ((bytes - IN_EACH_BYTE(0x20)) & ~bytes);
    return (found & IN_EACH_BYTE(0x80)) == 0;
}

/* The closing quote of the string whose first byte is at `at`; false when there is none. */
static bool find_quote(struct parser *parser, size_t at, size_t *quote, bool *has_escape)
{
    *has_escape = false;
    for (; at < parser->input.len; at++) {
        while (parser->input.len - at > 8 && is_plain_8(sky_load_8(parser->input.ptr + at)))
            at += 8;
        uint8_t c = parser->input.ptr[at];
        if (c == '"') {
            *quote = at;
            return true;
        }
        if (c < 0x20)
            return fail_at(parser, at, SKY_E_MALFORMED, "a control character in a string");
        if (c == '\\') {
            *has_escape = true;
            at++;
        }
    }
    return fail_at(parser, parser->input.len, SKY_E_TRUNCATED, "a string without end");
}

static bool unescape(struct parser *parser, size_t quote, struct sky_span *text)
{
    uint8_t *out = sky_arena_alloc(&parser->document->strings, quote - parser->at);
    if (!out)
        return fail_at(parser, parser->at, SKY_E_MEMORY, "no memory");
    size_t len = 0;
    while (parser->at < quote) {
        if (peek(parser) != '\\') {
            out[len++] = parser->input.ptr[parser->at++];
            continue;
        }
        size_t written = read_escape(parser, out + len); /* never longer than the escape */
        if (!written)
            return false;
        len += written;
    }
    *text = sky_span_of(out, len);
    return true;
}

static bool parse_string(struct parser *parser)
{
    uint32_t index;
    size_t quote;
    bool has_escape;
    if (peek(parser) != '"')
        return fail(parser, "not a string");
    if (!append(parser, SKY_JSON_STRING, &index) || !find_quote(parser, parser->at + 1, &quote, &has_escape))
        return false;
    size_t start = ++parser->at;
    struct sky_span text = sky_span_of(parser->input.ptr + start, quote - start);
    size_t valid = sky_utf8_valid_prefix(text);
    if (valid < text.len)
        return fail_at(parser, start + valid, SKY_E_UTF8, "a string is not UTF-8");
    if (has_escape && !unescape(parser, quote, &text))
        return false;
    parser->at = quote + 1;
    parser->document->values[index].text = text;
    return true;
}

static size_t skip_digits(struct parser *parser)
{
    size_t start = parser->at;
    while (peek(parser) >= '0' && peek(parser) <= '9')
        parser->at++;
    return parser->at - start;
}

/* RFC 8259, section 6. *plain: neither fraction nor exponent. */
static bool scan_number(struct parser *parser, bool *plain)
{
    *plain = true;
    if (peek(parser) == '-')
        parser->at++;
    if (peek(parser) == '0')
        parser->at++;
    else if (!skip_digits(parser))
        return fail(parser, "not a JSON value");
    if (peek(parser) == '.') {
        *plain = false;
        parser->at++;
        if (!skip_digits(parser))
            return fail(parser, "a number without digits behind its point");
    }
    if (peek(parser) == 'e' || peek(parser) == 'E') {
        *plain = false;
        parser->at++;
        if (peek(parser) == '+' || peek(parser) == '-')
            parser->at++;
        if (!skip_digits(parser))
            return fail(parser, "an exponent without digits");
    }
    return true;
}

static bool plain_integer(struct sky_span text, int64_t *integer)
{
    bool negative = text.ptr[0] == '-';
    int64_t value = 0;
    for (size_t i = negative; i < text.len; i++) {
        int digit = text.ptr[i] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return false;
    }
    *integer = value;
    return true;
}

/* 12.0 and 1e3 are integers too, up to 2^53, where every double is exact. */
static bool float_integer(struct sky_span text, int64_t *integer)
{
    char copy[NUMBER_LEN_MAX + 1];
    if (text.len > NUMBER_LEN_MAX)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    double value = strtod(copy, NULL);
    if (!(fabs(value) <= 9007199254740992.0) || value != floor(value))
        return false;
    *integer = (int64_t)value;
    return true;
}

static bool parse_number(struct parser *parser)
{
    uint32_t index;
    size_t start = parser->at;
    bool plain;
    if (!append(parser, SKY_JSON_NUMBER, &index) || !scan_number(parser, &plain))
        return false;
    struct sky_json_value *value = &parser->document->values[index];
    value->text = sky_span_of(parser->input.ptr + start, parser->at - start);
    value->is_integer =
        plain ? plain_integer(value->text, &value->integer) : float_integer(value->text, &value->integer);
    return true;
}

static bool parse_word(struct parser *parser, struct sky_span word, enum sky_json_type type)
{
    uint32_t index;
    if (!sky_span_starts_with(sky_span_from(parser->input, parser->at), word))
        return fail(parser, "not a JSON value");
    if (!append(parser, type, &index))
        return false;
    parser->document->values[index].boolean = word.ptr[0] == 't';
    parser->at += word.len;
    return true;
}

static int compare_keys(const void *a, const void *b)
{
    return sky_span_compare((*(const struct sky_json_value *const *)a)->text,
                            (*(const struct sky_json_value *const *)b)->text);
}

/* What equal keys have in common, and most others have not. */
static uint32_t tag_of(struct sky_span key)
{
    return key.len ? (uint32_t)key.len << 16 | (uint32_t)key.ptr[0] << 8 | key.ptr[key.len - 1] : 0;
}

static const struct sky_json_value *find_duplicate_among_few(const struct sky_json_value *object)
{
    struct sky_span keys[KEYS_COMPARED_PAIRWISE_MAX];
    uint32_t tags[KEYS_COMPARED_PAIRWISE_MAX];
    const struct sky_json_value *key = sky_json_first(object);
    for (uint32_t i = 0; i < object->count; i++, key = sky_json_next(key + 1)) {
        keys[i] = key->text;
        tags[i] = tag_of(key->text);
        for (uint32_t j = 0; j < i; j++)
            if (tags[i] == tags[j] && sky_span_equal(keys[i], keys[j]))
                return key;
    }
    return NULL;
}

static bool check_keys_differ(struct parser *parser, uint32_t object_index)
{
    const struct sky_json_value *object = &parser->document->values[object_index];
    const struct sky_json_value *duplicate = NULL;
    if (object->count <= KEYS_COMPARED_PAIRWISE_MAX) {
        duplicate = find_duplicate_among_few(object);
    } else {
        const struct sky_json_value **keys =
            sky_arena_alloc(&parser->document->strings, object->count * sizeof(struct sky_json_value *));
        if (!keys)
            return fail_at(parser, parser->at, SKY_E_MEMORY, "no memory");
        const struct sky_json_value *key = sky_json_first(object);
        for (uint32_t i = 0; i < object->count; i++, key = sky_json_next(key + 1))
            keys[i] = key;
        qsort(keys, object->count, sizeof *keys, compare_keys);
        for (uint32_t i = 1; i < object->count && !duplicate; i++)
            if (sky_span_equal(keys[i - 1]->text, keys[i]->text))
                duplicate = keys[i];
    }
    return !duplicate || fail_at(parser, duplicate->offset, SKY_E_NON_CANONICAL, "a key that comes twice");
}

static bool parse_value(struct parser *parser);

static bool parse_pair(struct parser *parser)
{
    if (!parse_string(parser))
        return false;
    skip_space(parser);
    if (peek(parser) != ':')
        return fail(parser, "a key without a colon");
    parser->at++;
    return parse_value(parser);
}

/* The items between the brackets; parser->at is behind the opening one. */
static bool parse_items(struct parser *parser, uint32_t index, bool is_object)
{
    uint8_t closing = is_object ? '}' : ']';
    skip_space(parser);
    if (peek(parser) == closing) {
        parser->at++;
        return true;
    }
    for (;;) {
        skip_space(parser);
        if (parser->document->values[index].count == SKY_JSON_ITEMS_MAX)
            return fail_at(parser, parser->at, SKY_E_LIMIT, "a container of more than 131,072 items");
        if (is_object ? !parse_pair(parser) : !parse_value(parser))
            return false;
        parser->document->values[index].count++;
        skip_space(parser);
        uint8_t c = peek(parser);
        if (c != ',' && c != closing)
            return fail(parser, "neither a comma nor the end of the container");
        parser->at++;
        if (c == closing)
            return true;
    }
}

static bool parse_container(struct parser *parser, bool is_object)
{
    uint32_t index;
    if (parser->depth == SKY_JSON_DEPTH_MAX)
        return fail_at(parser, parser->at, SKY_E_LIMIT, "containers nested deeper than 32");
    if (!append(parser, is_object ? SKY_JSON_OBJECT : SKY_JSON_ARRAY, &index))
        return false;
    parser->depth++;
    parser->at++;
    if (!parse_items(parser, index, is_object))
        return false;
    parser->depth--;
    parser->document->values[index].size = parser->document->count - index;
    return !is_object || check_keys_differ(parser, index);
}

static bool parse_value(struct parser *parser)
{
    skip_space(parser);
    switch (peek(parser)) {
    case '{': return parse_container(parser, true);
    case '[': return parse_container(parser, false);
    case '"': return parse_string(parser);
    case 't': return parse_word(parser, SKY_SPAN("true"), SKY_JSON_BOOL);
    case 'f': return parse_word(parser, SKY_SPAN("false"), SKY_JSON_BOOL);
    case 'n': return parse_word(parser, SKY_SPAN("null"), SKY_JSON_NULL);
    default: return parse_number(parser);
    }
}

enum sky_status sky_json_parse(struct sky_json_document *document, struct sky_span input, struct sky_error *error)
{
    struct parser parser = {.document = document, .input = input, .error = error};
    *error = (struct sky_error){0};
    document->count = 0;
    sky_arena_reset(&document->strings);
    if (input.len > SKY_JSON_SIZE_BYTES_MAX) {
        fail_at(&parser, 0, SKY_E_LIMIT, "a JSON text over 8 MiB");
    } else if (parse_value(&parser)) {
        skip_space(&parser);
        if (parser.at < input.len)
            fail_at(&parser, parser.at, SKY_E_TRAILING, "bytes after the end of the value");
    }
    return error->status;
}

const struct sky_json_value *sky_json_member(const struct sky_json_value *object, const char *key)
{
    if (!object || object->type != SKY_JSON_OBJECT)
        return NULL;
    struct sky_span wanted = sky_span_from_string(key);
    const struct sky_json_value *at = sky_json_first(object);
    for (uint32_t i = 0; i < object->count; i++, at = sky_json_next(at + 1))
        if (sky_span_equal(at->text, wanted))
            return at + 1;
    return NULL;
}

struct sky_span sky_json_member_text(const struct sky_json_value *object, const char *key)
{
    const struct sky_json_value *member = sky_json_member(object, key);
    return member && member->type == SKY_JSON_STRING ? member->text : (struct sky_span){0};
}
