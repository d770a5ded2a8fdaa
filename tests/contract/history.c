/* Who follows whom, and what may still be shown. */
#include "history.h"

void history_init(struct history *history)
{
    *history = (struct history){.count = HISTORY_KEYS};
    for (unsigned key = 0; key < HISTORY_KEYS; key++) {
        history->writes[key] = (struct history_write){.key = key, .base = key, .shown = true};
        history->floor[key] = key;
    }
}

unsigned history_begin(struct history *history, unsigned key, unsigned parent, bool intent)
{
    const struct history_write *above = &history->writes[parent];
    unsigned base = above->intent ? above->base : parent;
    unsigned number = history->count++;

    assert_true(number < HISTORY_WRITES_MAX);
    assert_int_equal(above->key, key);
    history->writes[number] = (struct history_write){
        .parent = parent,
        .base = base,
        .key = key,
        .depth = history->writes[base].depth + (intent ? 0 : 1),
        .intent = intent,
    };
    return number;
}

/* It has happened: nothing else may have, on the same base. */
static void happened(struct history *history, unsigned number)
{
    struct history_write *write = &history->writes[number];
    unsigned *successor = &history->writes[write->base].successor;

    if (number < HISTORY_KEYS || write->intent)
        return;
    if (*successor != 0 && *successor != number)
        fail_msg("key %u: writes %u and %u both follow %u", write->key, *successor, number, write->base);
    *successor = number;
    write->effective = true;
    if (write->depth > history->writes[history->floor[write->key]].depth)
        history->floor[write->key] = number;
}

void history_end(struct history *history, unsigned number, enum ses_status status)
{
    struct history_write *write = &history->writes[number];

    if (status == SES_OK) {
        happened(history, number);
        return;
    }
    if (status == SES_UNKNOWN)
        return;
    write->refused = true;
    if (write->shown)
        fail_msg("key %u: write %u was shown and is refused", write->key, number);
}

static void check_version(struct history *history, unsigned number, const struct ses_store_op *op)
{
    struct history_write *write = &history->writes[number];

    if (write->shown && !history->moves) {
        assert_true(version_equal(write->version, op->version));
        assert_int_equal(write->revision, op->record.revision);
        return;
    }
    for (unsigned other = HISTORY_KEYS; other < history->count; other++) {
        if (other != number && history->writes[other].shown && history->writes[other].key == write->key)
            assert_false(version_equal(history->writes[other].version, op->version));
    }
    write->shown = true;
    write->version = op->version;
    write->revision = op->record.revision;
}

/* Its forefathers have happened too, shown or not. */
static void check_chain(struct history *history, unsigned number)
{
    const struct history_write *write = &history->writes[number];

    for (unsigned at = number; at >= HISTORY_KEYS; at = history->writes[at].base)
        happened(history, at);
    if (write->base >= HISTORY_KEYS && history->writes[write->base].shown && !history->moves)
        assert_true(write->revision > history->writes[write->base].revision);
}

static unsigned show_record(struct history *history, unsigned key, const struct ses_store_op *op)
{
    struct history_body body;
    struct history_write *write;

    assert_int_equal(op->record.body.len, sizeof(body));
    memcpy(&body, op->record.body.data, sizeof(body));
    assert_in_range(body.write, HISTORY_KEYS, history->count - 1);
    write = &history->writes[body.write];
    assert_int_equal(write->key, key);
    assert_int_equal(write->parent, body.parent);
    assert_int_equal(write->intent, op->record.kind == SES_RECORD_INTENT);
    if (write->refused)
        fail_msg("key %u: write %u was refused and is shown", key, body.write);
    check_version(history, body.write, op);
    check_chain(history, body.write);
    return body.write;
}

unsigned history_shown(struct history *history, unsigned key, unsigned floor, const struct ses_store_op *op,
                       enum ses_status status)
{
    unsigned number = status == SES_OK ? show_record(history, key, op) : key;

    assert_true(status == SES_OK || version_equal(op->version, SES_VERSION_ABSENT));
    if (history->writes[number].depth < history->writes[floor].depth)
        fail_msg("key %u: a get that began behind write %u shows %u", key, floor, number);
    return number;
}
