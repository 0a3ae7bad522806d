/* status.h: the one error style of the project.
 *
 * A function that can fail returns enum sky_status and is marked SKY_MUST_USE. Decoders are sticky: they keep
 * the first error with the byte offset it was found at (struct sky_error) and return it from then on. */
#ifndef SKY_BASE_STATUS_H
#define SKY_BASE_STATUS_H

#include <stddef.h>

#define SKY_MUST_USE __attribute__((warn_unused_result))

enum sky_status {
    SKY_OK = 0,
    SKY_E_TRUNCATED,     /* the input ends inside an item */
    SKY_E_MALFORMED,     /* bytes that no valid input contains */
    SKY_E_NON_CANONICAL, /* well-formed, but not the one allowed encoding (length, order, duplicate key) */
    SKY_E_TRAILING,      /* bytes after the end of the item */
    SKY_E_UTF8,          /* text is not UTF-8 */
    SKY_E_TYPE,          /* an item of another type than the schema wants */
    SKY_E_RANGE,         /* a value outside what the schema allows */
    SKY_E_MISSING,       /* a required field or block is absent */
    SKY_E_LIMIT,         /* larger than a named limit */
    SKY_E_CID,           /* not a CID we accept, or the digest does not match the bytes */
    SKY_E_UNSUPPORTED,   /* valid, but of a kind or version we do not read */
    SKY_E_CHECKSUM,      /* stored bytes changed */
    SKY_E_DUPLICATE,     /* there already */
    SKY_E_LATE,          /* event time before what is already closed */
    SKY_E_MEMORY,        /* allocation failed */
    SKY_E_IO,            /* the operating system or a peer failed */
    SKY_E_CONFIG,        /* a setting is unknown or wrong */
    SKY_E_END,           /* nothing more to read */
    SKY_E_TIMEOUT,       /* no answer in time: asking again may help */
    SKY_E_FENCED,        /* another instance has taken over */
    SKY_STATUS_COUNT
};

struct sky_error {
    enum sky_status status;
    size_t offset;      /* byte of the input where it was found */
    const char *reason; /* a constant sentence without a full stop; NULL when status is SKY_OK */
};

/* The code as printed and used in metrics: "truncated", "non-canonical", ... Never NULL. */
const char *sky_status_name(enum sky_status status);

#endif
