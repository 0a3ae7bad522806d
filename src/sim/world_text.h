/* world_text.h: what the frame writer needs to know of a post beside what sky_post holds. */
#ifndef SKY_SIM_WORLD_TEXT_H
#define SKY_SIM_WORLD_TEXT_H

#include "sim/composer.h"
#include "sim/population.h"
#include "sim/world.h"

/* The text of the post handed out last, with its facet ranges. */
const struct sky_composer_text *sky_world_text(const struct sky_world *world);
const struct sky_population *sky_world_population(const struct sky_world *world);

#endif
