/* shared.h - what stands behind a struct ses_store_shared. */
#ifndef SESSIOND_STORE_SHARED_H
#define SESSIOND_STORE_SHARED_H

#include <sessiond/store/store_shared.h>

#include "loaded.h"
#include "table.h"
#include "watch_board.h"

struct ses_store_shared {
    struct ses_table *table;
    struct ses_watch_board *watch_board; /* NULL: nobody watches */
    struct ses_loaded *loaded;           /* NULL: nothing is known of a load */
};

#endif
