/* loader.h - the short-lived child that fills the session table after a full stop: LMDB must not be touched
 * before fork. */
#ifndef SESSIOND_SRC_RUNTIME_LOADER_H
#define SESSIOND_SRC_RUNTIME_LOADER_H

#include "child.h"

/* [child] Writes board->sessions_loaded; the exit code says whether the table may be used. */
int ses_loader_run(const struct ses_child_env *env);

#endif
