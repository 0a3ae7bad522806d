/* link.h: the parts of a text that are not prose: URLs, bare domains, mail addresses, mentions, hashtags.
 *
 * Threads  pure functions.
 * Trust    `text` is valid UTF-8 as sky_normalize_text gives it. Work is O(bytes looked at). */
#ifndef SKY_TEXT_LINK_H
#define SKY_TEXT_LINK_H

#include "text/character.h"

enum sky_link_kind { SKY_LINK_URL, SKY_LINK_MENTION, SKY_LINK_HASHTAG };

struct sky_link {
    uint32_t start;
    uint32_t end; /* may lie beyond the run it begins in */
    enum sky_link_kind kind;
};

/* The first link that begins in [from, end), a run of the text without space. Tags of the post, as they may stand in
 * this text, decide how far a hashtag reaches; one that is not among them reaches over letters, digits and '_'.
 * False when there is none. */
struct sky_link_search {
    const struct sky_character_table *table;
    struct sky_span text;
    const struct sky_span *tags; /* without '#' */
    uint32_t tags_count;
};
bool sky_link_next(const struct sky_link_search *search, uint32_t from, uint32_t end, struct sky_link *link);

#endif
