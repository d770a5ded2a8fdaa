/* settings.h - what of the configuration the server does not follow, told once at a start and at a reload. */
#ifndef SESSIOND_SRC_RUNTIME_SETTINGS_H
#define SESSIOND_SRC_RUNTIME_SETTINGS_H

#include <sessiond/base/log.h>
#include <sessiond/config/config.h>

/* [supervisor] */
void ses_settings_tell(const struct ses_config *config, struct ses_log *log);

#endif
