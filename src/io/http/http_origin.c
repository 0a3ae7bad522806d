#include "io/http/http_origin.h"

#include <strings.h>

enum sky_status sky_http_origin_check(const char *text)
{
    if (strcmp(text, "*") == 0)
        return SKY_OK;
    const char *host = strncmp(text, "https://", 8) == 0  ? text + 8
                       : strncmp(text, "http://", 7) == 0 ? text + 7
                                                          : NULL;
    if (!host || !*host)
        return SKY_E_MALFORMED;
    for (; *host; host++)
        if (*host <= ' ' || *host > '~' || strchr("/?#@*,\"\\", *host))
            return SKY_E_MALFORMED;
    return SKY_OK;
}

const char *sky_http_origin_answer(const struct sky_http_origins *origins, const char *origin)
{
    for (size_t i = 0; origin && i < origins->count; i++) {
        if (strcmp(origins->allowed[i], "*") == 0)
            return "*";
        if (strcasecmp(origins->allowed[i], origin) == 0)
            return origin; /* the browser compares letter by letter with what it sent */
    }
    return NULL;
}
