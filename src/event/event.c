#include "event/event.h"

const char *sky_event_kind_name(enum sky_event_kind kind)
{
    static const char *const names[SKY_EVENT_KIND_COUNT] = {
        [SKY_EVENT_COMMIT] = "commit",   [SKY_EVENT_SYNC] = "sync", [SKY_EVENT_IDENTITY] = "identity",
        [SKY_EVENT_ACCOUNT] = "account", [SKY_EVENT_INFO] = "info", [SKY_EVENT_ERROR] = "error",
        [SKY_EVENT_UNKNOWN] = "unknown"};
    return names[kind];
}

const char *sky_op_action_name(enum sky_op_action action)
{
    static const char *const names[] = {"create", "update", "delete", "unknown"};
    return names[action];
}
