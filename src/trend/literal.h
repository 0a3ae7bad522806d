/* literal.h: mean and standard deviation of each keyword's last 1,440 windows: `z_mode: literal`.
 *
 * The plain rule needs a day of counts of every keyword. What is kept: for each keyword exact integer sums over the
 * windows of the last day; for each window only the changes of count against the window before (row and difference, as
 * varints), because a mention would otherwise stand in ten windows. Between changes a count is constant, so sums are
 * brought up to date only when a row is touched. Integers, hence no drift and no order.
 *
 * Rows are the detector's; windows are numbered by uptime.
 *
 * Memory   owned; 48 bytes a row, about 3 a change, of which a day's are kept.
 * Threads  one owner. */
#ifndef SKY_TREND_LITERAL_H
#define SKY_TREND_LITERAL_H

#include "base/buffer.h"

#define SKY_LITERAL_WINDOWS 1440

struct sky_literal;

struct sky_literal *sky_literal_new(void); /* NULL when there is no memory */
void sky_literal_free(struct sky_literal *literal);

/* Begin window `t`: what is older than a day leaves. False when there is no memory. */
SKY_MUST_USE bool sky_literal_begin(struct sky_literal *literal, uint32_t t);

/* The row has `count` mentions in the window begun. Each row whose count differs from the window before, also down to
 * 0, must be given once. False when there is no memory. */
SKY_MUST_USE bool sky_literal_note(struct sky_literal *literal, uint32_t row, uint32_t count);

/* Of the windows before the one begun, a day's at most. */
struct sky_literal_moments {
    double mean;
    double deviation; /* population standard deviation; 1 when under 0.001 */
};
void sky_literal_moments(const struct sky_literal *literal, uint32_t row, struct sky_literal_moments *moments);

/* No window of the last day, nor a change on its way, speaks of the row: its number may be used anew. */
bool sky_literal_is_forgotten(const struct sky_literal *literal, uint32_t row);

size_t sky_literal_size_bytes(const struct sky_literal *literal);

/* `numbers[row]`, row < count, is the number a row is saved under, UINT32_MAX for one that is not (it must be
 * forgotten). Numbers are given in row order, 0, 1, 2, ... `rows` at load: how many were given. */
void sky_literal_save(const struct sky_literal *literal, const uint32_t *numbers, uint32_t count,
                      struct sky_buffer *buffer);
void sky_literal_load(struct sky_literal *literal, uint32_t rows, struct sky_reader *reader);

#endif
