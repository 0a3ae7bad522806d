/* config_file.h: the YAML file of the configuration (libyaml's events).
 *
 * Sections are mappings, values scalars, lists sequences of scalars. What YAML has beyond that (anchors, tags, several
 * documents, nested lists) is refused: a setting that is silently not what it looks like is worse than an error. */
#ifndef SKY_OPS_CONFIG_FILE_H
#define SKY_OPS_CONFIG_FILE_H

#include "ops/config.h"

/* Assign what `file` holds. SKY_E_IO: it cannot be read; SKY_E_CONFIG; SKY_E_MEMORY: message says what. */
SKY_MUST_USE enum sky_status sky_config_file_read(struct sky_config *config, const char *file,
                                                  struct sky_config_message *message);

#endif
