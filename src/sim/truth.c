#include "sim/world.h"

static const char *const event_kind_names[SKY_WORLD_EVENT_KIND_COUNT] = {"burst", "spam", "coordinated", "bot",
                                                                         "surge"};
static const char *const profile_names[SKY_WORLD_PROFILE_COUNT] = {"normal", "harsh", "cold", "spam", "small", "daily"};

const char *sky_world_event_kind_name(enum sky_world_event_kind kind)
{
    return event_kind_names[kind];
}

const char *sky_world_profile_name(enum sky_world_profile profile)
{
    return profile_names[profile];
}

bool sky_world_profile_parse(const char *name, enum sky_world_profile *profile)
{
    for (int i = 0; i < SKY_WORLD_PROFILE_COUNT; i++)
        if (strcmp(name, profile_names[i]) == 0) {
            *profile = (enum sky_world_profile)i;
            return true;
        }
    return false;
}

static void write_keyword(struct sky_json_writer *json, const struct sky_world_event *event)
{
    sky_json_key(json, "keyword");
    sky_json_span(json, event->keyword);
    sky_json_key(json, "companions");
    sky_json_array(json);
    for (uint32_t i = 0; i < event->companions_count; i++)
        sky_json_span(json, event->companions[i]);
    sky_json_end(json);
    sky_json_key(json, "mentions");
    sky_json_uint(json, event->mentions);
    sky_json_key(json, "authors");
    sky_json_uint(json, event->authors);
}

static void write_burst(struct sky_json_writer *json, const struct sky_world_event *event)
{
    sky_json_key(json, "vocabulary");
    sky_json_string(json, event->vocabulary);
    sky_json_key(json, "detectable");
    sky_json_bool(json, event->detectable);
    sky_json_key(json, "peak");
    sky_json_uint(json, event->peak);
    sky_json_key(json, "expected");
    sky_json_double(json, event->expected);
    sky_json_key(json, "planned");
    sky_json_array(json);
    for (uint32_t i = 0; i < event->planned_count; i++)
        sky_json_uint(json, event->planned[i]);
    sky_json_end(json);
}

void sky_world_event_write(struct sky_json_writer *json, const struct sky_world_event *event)
{
    sky_json_object(json);
    sky_json_key(json, "kind");
    sky_json_string(json, sky_world_event_kind_name(event->kind));
    sky_json_key(json, "onset");
    sky_json_time(json, event->onset_ms);
    sky_json_key(json, "end");
    sky_json_time(json, event->end_ms);
    sky_json_key(json, "language");
    if (event->language.len)
        sky_json_span(json, event->language);
    else
        sky_json_null(json);
    if (event->shape[0]) {
        sky_json_key(json, "shape");
        sky_json_string(json, event->shape);
    }
    if (event->kind == SKY_WORLD_SURGE) {
        sky_json_key(json, "factor");
        sky_json_double(json, event->factor);
    } else {
        write_keyword(json, event);
    }
    if (event->kind == SKY_WORLD_BURST)
        write_burst(json, event);
    sky_json_end(json);
}
