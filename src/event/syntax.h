/* syntax.h: the identifiers of ATProto, as their specs write them: true when all of `text` is one.
 *
 * Spec  atproto.com/specs/{did,handle,nsid,record-key,tid,at-uri-scheme,lexicon}. Looks at bytes only; resolves
 * nothing. */
#ifndef SKY_EVENT_SYNTAX_H
#define SKY_EVENT_SYNTAX_H

#include "base/span.h"

/* Limits of the protocol. */
#define SKY_DID_LEN_MAX        2048
#define SKY_HANDLE_LEN_MAX     253
#define SKY_NSID_LEN_MAX       317
#define SKY_RECORD_KEY_LEN_MAX 512
#define SKY_TID_LEN            13
#define SKY_AT_URI_LEN_MAX     8192
#define SKY_LANGUAGE_LEN_MAX   128 /* ours */

bool sky_syntax_is_did(struct sky_span text);
bool sky_syntax_is_handle(struct sky_span text);
bool sky_syntax_is_nsid(struct sky_span text);
bool sky_syntax_is_record_key(struct sky_span text);
bool sky_syntax_is_tid(struct sky_span text);
bool sky_syntax_is_at_uri(struct sky_span text);
bool sky_syntax_is_language(struct sky_span text); /* BCP 47 in shape: primary subtag, then subtags */

/* Any CID in text form, whatever its version, base and hash; the ones we can read are sky_cid_parse's. */
bool sky_syntax_is_cid(struct sky_span text);

/* "collection/rkey" at its only '/'; false when there is none or more than one. Their syntax is not checked. */
bool sky_syntax_split_path(struct sky_span path, struct sky_span *collection, struct sky_span *rkey);

#endif
