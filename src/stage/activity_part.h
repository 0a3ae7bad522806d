/* activity_part.h: what one bucket knows of a window of activity: of authors the posts, of keywords the most used. An
 * entry is a blob of i64 first minute, then either
 *
 *     u8 SKY_ACTIVITY_POSTS     u64 posts, u64 replies, u64 authors, u32 count and that many u64 posts by language
 *     u8 SKY_ACTIVITY_KEYWORDS  two lists of rows (row.h): words and phrases, hashtags */
#ifndef SKY_STAGE_ACTIVITY_PART_H
#define SKY_STAGE_ACTIVITY_PART_H

enum sky_activity_part { SKY_ACTIVITY_POSTS, SKY_ACTIVITY_KEYWORDS };

#endif
