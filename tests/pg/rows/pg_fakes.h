/* pg_fakes.h - a store over several shards whose links are fakes (pg_fake.h). */
#ifndef SESSIOND_TESTS_PG_ROWS_PG_FAKES_H
#define SESSIOND_TESTS_PG_ROWS_PG_FAKES_H

#include "pg_fake.h"

#include <store_pg_impl.h>

#define FAKE_SHARDS_MAX 3
#define FAKE_READERS    3 /* connections: reading a map keeps nobody */

struct fakes {
    uv_loop_t loop;
    struct ses_log log;
    struct ses_secret secret;
    struct ses_seal_key seal_key;
    struct ses_store *store;
    unsigned count;
    struct fake shard[FAKE_SHARDS_MAX];
};

/* Its maps are not read yet. The clocks stand, and it turns when it is told to. */
void fakes_open(struct fakes *fakes, unsigned count);
void fakes_close(struct fakes *fakes);
void fakes_turn(struct fakes *fakes);
/* The call of the store on that key. */
enum ses_status fakes_get(struct fakes *fakes, struct fake_call *call, const struct ses_store_key *key);
enum ses_status fakes_create(struct fakes *fakes, struct fake_call *call, const struct ses_store_key *key);

/* Of that shard the first statement of that name that has no answer. */
bool fakes_has(const struct fakes *fakes, unsigned shard, const char *name);
unsigned fakes_find(const struct fakes *fakes, unsigned shard, const char *name);

#endif
