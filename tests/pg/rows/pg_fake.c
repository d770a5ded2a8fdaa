#include "pg_fake.h"

#include <array.h>

#include <sessiond/base/clock.h>

#include "unit_clock.h"

/* The link is the fake. */
static struct fake *fake_of(const struct pg_link *link)
{
    return (struct fake *)(uintptr_t)link;
}

enum pg_state __wrap_ses_pg_link_state(const struct pg_link *link);
bool __wrap_ses_pg_link_may_read(const struct pg_link *link);
int64_t __wrap_ses_pg_link_epoch(const struct pg_link *link);
bool __wrap_ses_pg_link_send(struct pg_link *link, enum pg_use use, struct pg_request *request);
void __wrap_ses_pg_link_listen(struct pg_link *link, bool listens);
uint64_t __wrap_ses_pg_link_listener(const struct pg_link *link);
bool __wrap_ses_pg_link_is_watched(const struct pg_link *link);
bool __wrap_ses_pg_link_is_known(const struct pg_link *link);

enum pg_state __wrap_ses_pg_link_state(const struct pg_link *link)
{
    return fake_of(link)->state;
}

bool __wrap_ses_pg_link_may_read(const struct pg_link *link)
{
    return fake_of(link)->may_read;
}

int64_t __wrap_ses_pg_link_epoch(const struct pg_link *link)
{
    return fake_of(link)->epoch;
}

void fake_init_link(struct fake *fake)
{
    memset(fake, 0, sizeof(*fake));
    fake->state = PG_STATE_OPEN;
    fake->may_read = true;
    fake->epoch = 1;
    fake->free[PG_USE_WRITE] = 2;
    fake->free[PG_USE_READ] = 1;
    fake->free[PG_USE_SETTLE] = 1;
    fake->free[PG_USE_LISTEN] = 1;
    fake->listener = 1;
}

void __wrap_ses_pg_link_listen(struct pg_link *link, bool listens)
{
    fake_of(link)->listens = listens;
}

uint64_t __wrap_ses_pg_link_listener(const struct pg_link *link)
{
    return fake_of(link)->listener;
}

bool __wrap_ses_pg_link_is_watched(const struct pg_link *link)
{
    return fake_of(link)->watched;
}

bool __wrap_ses_pg_link_is_known(const struct pg_link *link)
{
    return fake_of(link)->known;
}

/* ---- what was sent ---- */

static uint32_t get32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The elements of a binary array, one after the other. */
static struct ses_slice element(const uint8_t **at)
{
    uint32_t len = get32(*at);
    struct ses_slice value = {NULL, 0};

    *at += 4;
    if (len != UINT32_MAX) {
        value = ses_slice(*at, len);
        *at += len;
    }
    return value;
}

static bool is_map(const struct fake_sent *sent)
{
    return sent->request->statement == &ses_pg_map_sql;
}

static void read_keys(struct fake_sent *sent)
{
    bool write = sent->request->statement->params > 1;
    const uint8_t *array = (const uint8_t *)sent->request->values[write ? 1 : 0];
    const uint8_t *at = array + 20;

    sent->count = get32(array + 12);
    assert_in_range(sent->count, 1, FAKE_KEYS_MAX);
    assert_int_equal(get32(array + 8), PG_OID_BYTEA);
    for (unsigned i = 0; i < sent->count; i++) {
        struct ses_slice key = element(&at);

        assert_int_equal(key.len, SES_STORE_KEY_BYTES);
        memcpy(sent->keys[i].bytes, key.data, key.len);
    }
}

static void read_last_id(struct fake_sent *sent)
{
    const uint8_t *at = (const uint8_t *)sent->request->values[sent->request->statement->params - 1] + 20;
    struct ses_slice record = {NULL, 0};

    for (unsigned i = 0; i < sent->count; i++)
        record = element(&at);
    if (record.len > RECORD_EXTRA_BYTES)
        memcpy(sent->last_id, record.data + RECORD_HEADER_BYTES, PG_ID_BYTES);
}

bool __wrap_ses_pg_link_send(struct pg_link *link, enum pg_use use, struct pg_request *request)
{
    struct fake *fake = fake_of(link);
    struct fake_sent *sent = &fake->sent[fake->sent_count];

    if (fake->free[use] == 0)
        return false;
    assert_in_range(fake->sent_count, 0, FAKE_SENT_MAX - 1);
    fake->free[use]--;
    fake->sent_count++;
    memset(sent, 0, sizeof(*sent));
    sent->use = use;
    sent->request = request;
    request->sent_mono_ns = ses_clock_mono_ns();
    if (!is_map(sent) && request->statement->types != NULL &&
        request->statement->types[0] != PG_OID_TEXT) { /* over rows */
        read_keys(sent);
        read_last_id(sent);
    }
    return true;
}

/* ---- rows ---- */

static void on_wake(void *arg)
{
    ((struct fake *)arg)->wakes++;
}

static void on_changed(void *arg, const struct ses_store_key *key, const uint8_t id[PG_ID_BYTES])
{
    (void)key;
    (void)id;
    ((struct fake *)arg)->changes++;
}

static void on_written(void *arg, const struct ses_store_key *key, bool ours)
{
    const struct fake *fake = arg;

    if (fake->written != NULL)
        fake->written(key, ours);
}

/* All slots are here. */
static void make_map(struct pg_map *map)
{
    map->known = true;
    map->epoch = 1;
    memset(map->state, PG_SCHEMA_OWN, sizeof(map->state));
    memset(map->mine, 1, sizeof(map->mine));
}

void fake_open(struct fake *fake)
{
    struct pg_rows_options options = {.link = (struct pg_link *)fake,
                                      .inflight = &fake->inflight,
                                      .store = &fake->options,
                                      .changed = on_changed,
                                      .changed_arg = fake,
                                      .written = on_written,
                                      .written_arg = fake,
                                      .wake = on_wake,
                                      .wake_arg = fake};

    fake_init_link(fake);
    unit_clock_stop();
    assert_ok(ses_secret_new(32, &fake->secret));
    memset(fake->secret.bytes, 0x5a, 32);
    fake->seal_key = (struct ses_seal_key){.id = 7, .key = &fake->secret};
    fake->options = (struct ses_pg_options){.seal_keys = &fake->seal_key,
                                            .seal_keys_count = 1,
                                            .batch_rows = 256,
                                            .linger_us = 500,
                                            .queue_max = 600,
                                            .write_connections = 2,
                                            .read_connections = 1,
                                            .prepare = true};
    fake->rows = &fake->own;
    assert_ok(ses_pg_inflight_init(&fake->inflight, 64));
    assert_ok(ses_pg_rows_init(fake->rows, &options));
    make_map(&fake->rows->map);
    fake->rows->asking.allowed = true;
}

void fake_close(struct fake *fake)
{
    fake->rows->closing = true;
    ses_pg_rows_give_up(fake->rows);
    for (unsigned n = 0; n < fake->sent_count; n++) {
        if (fake->sent[n].request != NULL)
            fake_lose(fake, n);
    }
    ses_pg_rows_tell(fake->rows);
    ses_pg_rows_done(fake->rows);
    ses_pg_inflight_done(&fake->inflight);
    ses_secret_free(&fake->secret);
    unit_clock_run();
}

void fake_turn(struct fake *fake)
{
    (void)ses_pg_rows_turn(fake->rows, ses_clock_mono_ns());
    ses_pg_rows_tell(fake->rows);
}

/* ---- calls ---- */

static void on_done(struct ses_store_op *op, enum ses_status status)
{
    struct fake_call *call = SES_CONTAINER(op, struct fake_call, op);

    call->ends++;
    call->status = status;
}

struct ses_store_key fake_key(unsigned number)
{
    struct ses_store_key key = {{(uint8_t)(number * 37), (uint8_t)(number >> 8), (uint8_t)number}};

    return key;
}

void fake_begin(struct fake_call *call)
{
    call->op.done = on_done;
    call->ends = 0;
}

enum ses_status fake_put(struct fake *fake, struct fake_call *call, enum pg_kind kind, unsigned number,
                         size_t body_bytes)
{
    struct ses_store_key key = fake_key(number);
    bool leases = kind == PG_LEASE || kind == PG_LEASE_NEW;
    uint8_t *body = calloc(1, body_bytes + 1);
    struct ses_record record = {.key = key,
                                .kind = leases ? SES_RECORD_INTENT : SES_RECORD_SESSION,
                                .revision = 5,
                                .body = ses_slice(body, body_bytes)};
    struct pg_row *row = ses_pg_row_new(kind, &key, body_bytes + RECORD_EXTRA_BYTES);

    fake_begin(call);
    ses_record_seal(&fake->rows->sealer, &record, row->sealed);
    row->revision = record.revision;
    row->for_ms = 1000;
    memset(row->expect_id, (int)number, PG_ID_BYTES);
    memset(row->owner, (int)number, PG_OWNER_BYTES);
    free(body);
    return ses_pg_rows_put(fake->rows, row, &call->op, leases || kind == PG_PUT_LEASED ? &call->lease : NULL);
}

void fake_release(struct fake *fake, unsigned number, bool forget)
{
    struct ses_store_key key = fake_key(number);
    struct pg_row *row = ses_pg_row_new(PG_RELEASE, &key, 0);

    row->forget = forget;
    memset(row->owner, (int)number, PG_OWNER_BYTES);
    ses_pg_rows_release(fake->rows, row);
}

enum ses_status fake_get(struct fake *fake, struct fake_call *call, unsigned number)
{
    struct ses_store_key key = fake_key(number);

    fake_begin(call);
    ses_arena_init(&call->arena, 1 << 20);
    return ses_pg_rows_get(fake->rows, &call->op, &key, &call->arena);
}

/* ---- answers ---- */

static void answer(struct fake *fake, unsigned n, struct pg_answer answer)
{
    struct fake_sent *sent = &fake->sent[n];
    struct pg_request *request = sent->request;

    assert_true(n < fake->sent_count && request != NULL);
    sent->request = NULL;
    fake->free[sent->use]++;
    request->done(request, &answer);
    ses_pg_rows_ready(fake->rows, sent->use);
}

const char *fake_name(const struct fake *fake, unsigned n)
{
    assert_in_range(n, 0, fake->sent_count - 1);
    assert_non_null(fake->sent[n].request);
    assert_memory_equal(fake->sent[n].request->statement->name, "sessiond_", strlen("sessiond_"));
    return fake->sent[n].request->statement->name + strlen("sessiond_");
}

void fake_done(struct fake *fake, unsigned n)
{
    answer(fake, n, (struct pg_answer){.end = PG_END_DONE});
}

void fake_refuse(struct fake *fake, unsigned n, const char *sqlstate)
{
    struct pg_answer refused = {.end = PG_END_REFUSED};

    memcpy(refused.sqlstate, sqlstate, 5);
    answer(fake, n, refused);
}

void fake_lose(struct fake *fake, unsigned n)
{
    answer(fake, n, (struct pg_answer){.end = PG_END_UNKNOWN});
}

static void set(PGresult *result, int row, int field, const void *bytes, size_t len)
{
    char copy[8192] = {0};

    assert_true(len <= sizeof(copy));
    if (bytes != NULL)
        memcpy(copy, bytes, len);
    assert_int_equal(
        PQsetvalue(result, row, field, bytes == NULL ? NULL : copy, bytes == NULL ? -1 : (int)len), 1);
}

static PGresult *make_result(int fields)
{
    static char name[] = "field";
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc descriptions[PG_IDS_EPOCH + 1];

    for (int i = 0; i < fields; i++)
        descriptions[i] = (PGresAttDesc){.name = name, .format = 1};
    assert_int_equal(PQsetResultAttrs(result, fields, descriptions), 1);
    return result;
}

/* Each row tells the epoch; where nothing was found there is one. */
static void tell_epoch(const struct fake *fake, PGresult *result, int field)
{
    uint8_t epoch[8];

    ses_pg_put64(epoch, (uint64_t)fake->epoch);
    if (PQntuples(result) == 0)
        set(result, 0, 0, NULL, 0);
    for (int row = 0; row < PQntuples(result); row++)
        set(result, row, field, epoch, sizeof(epoch));
}

static void answer_rows(struct fake *fake, unsigned n, PGresult *result)
{
    answer(fake, n, (struct pg_answer){.end = PG_END_DONE, .result = result});
    PQclear(result);
}

void fake_changed(struct fake *fake, unsigned n, unsigned changed)
{
    PGresult *result = make_result(1);

    for (unsigned i = 0; i < changed; i++)
        set(result, (int)i, 0, fake->sent[n].keys[i].bytes, SES_STORE_KEY_BYTES);
    answer_rows(fake, n, result);
}

void fake_found(struct fake *fake, unsigned n, const struct pg_found *found)
{
    PGresult *result = make_result(PG_IDS_EPOCH + 1);
    uint8_t revision[4];
    uint8_t leased;
    uint8_t record;

    assert_string_equal(fake_name(fake, n), "ids");
    if (found != NULL) {
        ses_pg_put32(revision, found->revision);
        leased = found->leased;
        record = found->record;
        set(result, 0, PG_IDS_KEY, fake->sent[n].keys[0].bytes, SES_STORE_KEY_BYTES);
        set(result, 0, PG_IDS_WRITE_ID, found->write_id, PG_ID_BYTES);
        set(result, 0, PG_IDS_PARENT_ID, found->parent_id, PG_ID_BYTES);
        set(result, 0, PG_IDS_INTENT_ID, found->intent ? found->intent_id : NULL, PG_ID_BYTES);
        set(result, 0, PG_IDS_OWNER, found->owner, PG_OWNER_BYTES);
        set(result, 0, PG_IDS_LEASED, &leased, 1);
        set(result, 0, PG_IDS_RECORD, &record, 1);
        set(result, 0, PG_IDS_REVISION, revision, sizeof(revision));
    }
    tell_epoch(fake, result, PG_IDS_EPOCH);
    answer_rows(fake, n, result);
}

void fake_records(struct fake *fake, unsigned n, const char *body, int bad)
{
    PGresult *result = make_result(PG_READ_EPOCH + 1);
    const struct ses_store_key *keys = fake->sent[n].keys;
    uint8_t sealed[1024];
    int row = 0;

    for (unsigned i = 0; i < fake->sent[n].count; i++) {
        struct ses_record record = {
            .key = keys[i], .kind = SES_RECORD_SESSION, .revision = 1, .body = ses_slice_str(body)};

        if (i > 0 && memcmp(&keys[i - 1], &keys[i], sizeof(keys[i])) == 0)
            continue;
        ses_record_seal(&fake->rows->sealer, &record, sealed);
        if ((int)i == bad)
            sealed[RECORD_BODY_AT] ^= 1;
        set(result, row, PG_READ_KEY, record.key.bytes, SES_STORE_KEY_BYTES);
        set(result, row, PG_READ_RECORD, sealed, strlen(body) + RECORD_EXTRA_BYTES);
        set(result, row, PG_READ_INTENT, NULL, 0);
        set(result, row++, PG_READ_LEASED, NULL, 0);
    }
    tell_epoch(fake, result, PG_READ_EPOCH);
    answer_rows(fake, n, result);
}

void fake_nothing(struct fake *fake, unsigned n)
{
    int field = fake->sent[n].request->statement == &ses_pg_read_sql ? PG_READ_EPOCH : PG_IDS_EPOCH;
    PGresult *result = make_result(field + 1);

    tell_epoch(fake, result, field);
    answer_rows(fake, n, result);
}

void fake_map(struct fake *fake, unsigned n, int64_t epoch, char state, unsigned slot, char its_state)
{
    PGresult *result = make_result(PG_MAP_FIELDS);
    char letters[PG_SCHEMA_SLOTS];

    assert_string_equal(fake_name(fake, n), "map");
    fake->epoch = epoch;
    tell_epoch(fake, result, PG_MAP_EPOCH);
    if (state != FAKE_SAME) {
        memset(letters, state, sizeof(letters));
        letters[slot] = its_state;
        set(result, 0, PG_MAP_SLOTS, letters, sizeof(letters));
    }
    answer_rows(fake, n, result);
}
