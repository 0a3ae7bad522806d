#include "base/status.h"

static const char *const names[SKY_STATUS_COUNT] = {
    [SKY_OK] = "ok",
    [SKY_E_TRUNCATED] = "truncated",
    [SKY_E_MALFORMED] = "malformed",
    [SKY_E_NON_CANONICAL] = "non-canonical",
    [SKY_E_TRAILING] = "trailing",
    [SKY_E_UTF8] = "utf8",
    [SKY_E_TYPE] = "type",
    [SKY_E_RANGE] = "range",
    [SKY_E_MISSING] = "missing",
    [SKY_E_LIMIT] = "limit",
    [SKY_E_CID] = "cid",
    [SKY_E_UNSUPPORTED] = "unsupported",
    [SKY_E_CHECKSUM] = "checksum",
    [SKY_E_DUPLICATE] = "duplicate",
    [SKY_E_LATE] = "late",
    [SKY_E_MEMORY] = "memory",
    [SKY_E_IO] = "io",
    [SKY_E_CONFIG] = "config",
    [SKY_E_END] = "end",
    [SKY_E_TIMEOUT] = "timeout",
    [SKY_E_FENCED] = "fenced",
};

const char *sky_status_name(enum sky_status status)
{
    return (unsigned)status < SKY_STATUS_COUNT ? names[status] : "unknown";
}
