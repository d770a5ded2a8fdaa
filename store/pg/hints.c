#include "hints.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/encode.h>
#include <sessiond/base/random.h>
#include <sessiond/base/units.h>

#include "array.h"
#include "rows_impl.h"
#include "rules.h"

#define WORD_DIGITS ((size_t)2 * PG_HINT_WORD_BYTES)
#define WAIT_MS     20 /* then it goes in front of reads that would take each free connection */

_Static_assert(PG_HINT_TEXT_SIZE <= 8000, "NOTIFY takes no longer payload");

/* ---- the payload ---- */

static char *write_word(char *at, const struct pg_hint_word *word)
{
    return at + ses_hex_encode(ses_slice(word->bytes, sizeof(word->bytes)), at);
}

static bool read_word(const char *text, struct pg_hint_word *ret_word)
{
    for (size_t i = 0; i < PG_HINT_WORD_BYTES; i++) {
        int high = ses_hex_digit((uint8_t)text[2 * i]);
        int low = ses_hex_digit((uint8_t)text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        ret_word->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool ses_pg_hint_read(const char *payload, struct pg_hint *ret_hint)
{
    size_t len = strnlen(payload, PG_HINT_TEXT_SIZE);

    ret_hint->count = 0;
    if (len % WORD_DIGITS != 0 || len < 2 * WORD_DIGITS || len >= PG_HINT_TEXT_SIZE ||
        !read_word(payload, &ret_hint->sender))
        return false;
    for (size_t at = WORD_DIGITS; at < len; at += WORD_DIGITS)
        if (!read_word(payload + at, &ret_hint->keys[ret_hint->count++]))
            return false;
    return true;
}

/* ---- sending ---- */

static const Oid types[] = {PG_OID_TEXT};

const struct pg_statement ses_pg_hint_sql = {
    .name = "sessiond_hint",
    .text = "SELECT set_config('synchronous_commit', 'off', true), pg_notify('" PG_HINT_CHANNEL "', $1)",
    .params = 1,
    .types = types,
};

void ses_pg_hints_init(struct pg_hints *hints, struct pg_rows *rows)
{
    memset(hints, 0, sizeof(*hints));
    hints->rows = rows;
    ses_random_bytes(&hints->sender, sizeof(hints->sender));
}

void ses_pg_hints_note(struct pg_hints *hints, const struct ses_store_key *key)
{
    if (!ses_pg_link_is_watched(hints->rows->options.link) || !ses_pg_rule(PG_RULE_HINTS))
        return;
    if (hints->count == PG_HINT_WAITING_MAX) {
        ses_pg_count(hints->rows, SES_S_HINTS_LOST, 1);
        return;
    }
    if (hints->count == 0)
        hints->since_ns = ses_clock_mono_ns();
    memcpy(hints->waiting[hints->count++].bytes, key->bytes, PG_HINT_WORD_BYTES);
}

static void on_done(struct pg_request *request, const struct pg_answer *answer)
{
    struct pg_hints *hints = request->arg;
    bool done = answer->end == PG_END_DONE;

    ses_pg_sent_ended(hints->rows, PG_USE_READ);
    ses_pg_count(hints->rows, done ? SES_S_HINTS_SENT : SES_S_HINTS_LOST, hints->sending);
    hints->sending = 0;
}

static size_t write_text(struct pg_hints *hints)
{
    size_t count = hints->count < PG_HINT_KEYS_MAX ? hints->count : PG_HINT_KEYS_MAX;
    char *at = write_word(hints->text, &hints->sender);

    for (size_t i = 0; i < count; i++)
        at = write_word(at, &hints->waiting[i]);
    hints->value = hints->text;
    hints->length = (int)(at - hints->text);
    return count;
}

void ses_pg_hints_pump(struct pg_hints *hints, uint64_t now_ns, bool before)
{
    size_t count;

    if (hints->count == 0 || hints->sending != 0 || !ses_pg_may_send(hints->rows, PG_USE_READ) ||
        (before && now_ns < hints->since_ns + WAIT_MS * SES_NS_PER_MS))
        return;
    count = write_text(hints);
    hints->request = (struct pg_request){.statement = &ses_pg_hint_sql,
                                         .values = &hints->value,
                                         .lengths = &hints->length,
                                         .done = on_done,
                                         .arg = hints};
    if (!ses_pg_send(hints->rows, PG_USE_READ, &hints->request))
        return;
    hints->sending = count;
    hints->count -= count;
    memmove(hints->waiting, hints->waiting + count, hints->count * sizeof(hints->waiting[0]));
    hints->since_ns = now_ns;
}
