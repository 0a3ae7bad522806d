/* alert_receivers.h: what alerts.outputs names, made from the settings: the receivers behind `skytrend alerts`.
 *
 * Threads  made and freed by one owner; each receiver is then used by the thread of its output alone. */
#ifndef SKY_APP_ALERT_RECEIVERS_H
#define SKY_APP_ALERT_RECEIVERS_H

#include "io/alert/alert_outputs.h"
#include "ops/config.h"

#define SKY_ALERT_RECEIVERS_PROBLEM_SIZE 512

/* As the setting lists them; also the label of their metrics. */
enum sky_alert_output_kind {
    SKY_ALERT_TO_TABLE,
    SKY_ALERT_TO_JSON,
    SKY_ALERT_TO_WEBHOOK,
    SKY_ALERT_TO_ALERTMANAGER,
    SKY_ALERT_TO_MAIL,
    SKY_ALERT_TO_COUNT
};

const char *sky_alert_output_name(enum sky_alert_output_kind kind); /* "table", ... */

/* The setting with the URL of such a receiver, and its value; NULL: lines have none. */
const char *sky_alert_output_url(const struct sky_config *config, enum sky_alert_output_kind kind, const char **url);

struct sky_alert_receivers {
    uint32_t count;
    enum sky_alert_output_kind kinds[SKY_ALERT_TO_COUNT];
    struct sky_alert_receiver receivers[SKY_ALERT_TO_COUNT]; /* for sky_alert_outputs_new */
    atomic_bool stop;                                        /* true: what is under way ends within a second */
    bool is_signed;                                          /* the webhook */
    /* the rest is the module's own */
    void *made[SKY_ALERT_TO_COUNT];
};

/* `dry`: everything is made, and checked, but nobody outside is spoken to: what goes to them is taken and dropped, and
 * shown as lines. SKY_E_CONFIG  problem says which setting is wrong SKY_E_MEMORY Clean up in any case. `receivers`
 * stays where it is. */
SKY_MUST_USE enum sky_status sky_alert_receivers_init(struct sky_alert_receivers *receivers,
                                                      const struct sky_config *config, bool dry,
                                                      char problem[SKY_ALERT_RECEIVERS_PROBLEM_SIZE]);
void sky_alert_receivers_clean_up(struct sky_alert_receivers *receivers);

#endif
