#include "ops/nearest.h"

void sky_nearest_init(struct sky_nearest *nearest, struct sky_span wanted)
{
    *nearest = (struct sky_nearest){.wanted = wanted, .distance = wanted.len / 3 + 1};
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static uint8_t letter(uint8_t byte)
{
    return byte == '_' ? '-' : byte;
}

/* Optimal string alignment, three rows of the table at a time. Both at most SKY_NEAREST_LENGTH_MAX long. */
static size_t distance(struct sky_span a, struct sky_span b)
{
    size_t rows[3][SKY_NEAREST_LENGTH_MAX + 1];
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = letter(a.ptr[i - 1]) != letter(b.ptr[j - 1]);
            row[j] = smaller(above[j - 1] + change, smaller(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && letter(a.ptr[i - 1]) == letter(b.ptr[j - 2]) &&
                letter(a.ptr[i - 2]) == letter(b.ptr[j - 1]))
                row[j] = smaller(row[j], rows[(i + 1) % 3][j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

void sky_nearest_offer(struct sky_nearest *nearest, const char *known)
{
    struct sky_span span = sky_span_from_string(known);
    if (nearest->wanted.len > SKY_NEAREST_LENGTH_MAX || span.len > SKY_NEAREST_LENGTH_MAX)
        return;
    size_t d = distance(nearest->wanted, span);
    if (nearest->best ? d < nearest->distance : d <= nearest->distance) {
        nearest->best = known;
        nearest->distance = d;
    }
}
