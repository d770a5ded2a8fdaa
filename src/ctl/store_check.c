/* Opens every record of every shard and counts; the server may run meanwhile. */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>

#include <sessiond/base/clock.h>
#include <sessiond/token/token.h>

#include "census.h"

#define COMPLAINTS_MAX 20 /* lines about single records; the counts tell the rest */

struct check {
    struct census census;
    enum ses_status status; /* of census_add */
    unsigned complaints;
};

/* The first ones in full, so that a damaged shard does not print a million lines. */
static void complain(struct check *check, const struct ses_scan_row *row, const char *what)
{
    if (check->complaints++ < COMPLAINTS_MAX)
        (void)ctl_fail("shard %03u, record %" PRIu64 ": %s", row->shard, row->locator, what);
}

/* Shard and locator name a record for whoever looks into it; session ids and keys stay out of what ends in
 * tickets. */
static bool on_row(void *arg, const struct ses_scan_row *row)
{
    struct check *check = arg;
    bool duplicate = false;

    check->status = census_add(&check->census, row, &duplicate);
    if (check->status != SES_OK)
        return false;
    if (row->opened != SES_OK)
        complain(check, row, "does not open: damaged, swapped, or sealed with another key");
    if (duplicate)
        complain(check, row, "second live current record of one key");
    return true;
}

static json_t *counts_json(const struct census_counts *counts)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "current", (json_int_t)counts->current, "superseded",
                     (json_int_t)counts->superseded, "expired", (json_int_t)counts->expired, "damaged",
                     (json_int_t)counts->damaged, "intents", (json_int_t)counts->intents, "sealed_bytes",
                     (json_int_t)counts->sealed_bytes);
}

static int print_json(const struct census *census, int code)
{
    struct census_counts total = census_total(census);
    json_t *shards = json_array();

    for (unsigned i = 0; i < census->shards; i++)
        (void)json_array_append_new(shards, counts_json(&census->shard[i]));
    return ctl_print_json(json_pack("{s:o,s:o,s:I}", "shards", shards, "total", counts_json(&total),
                                    "duplicates", (json_int_t)census->duplicates),
                          true, code);
}

/* One format for all rows; the heading above has the same widths. */
static void print_row(const char *name, const struct census_counts *counts)
{
    printf("%-6s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %14" PRIu64 "\n", name,
           counts->current, counts->superseded, counts->expired, counts->damaged, counts->intents,
           counts->sealed_bytes);
}

static int print_table(const struct census *census, int code)
{
    struct census_counts total = census_total(census);
    char name[16];

    printf("%-6s %12s %12s %12s %12s %12s %14s\n", "shard", "current", "superseded", "expired", "damaged",
           "intents", "sealed bytes");
    for (unsigned i = 0; i < census->shards; i++) {
        (void)snprintf(name, sizeof(name), "%03u", i);
        print_row(name, &census->shard[i]);
    }
    print_row("total", &total);
    printf("duplicates: %" PRIu64 "\n", census->duplicates);
    return code;
}

/* Counts are printed in any case: on damage they say how much is left. */
static int conclude(const struct ctl *ctl, struct check *check, enum ses_status status)
{
    struct census_counts total = census_total(&check->census);
    int code = CTL_DONE;

    if (check->complaints > COMPLAINTS_MAX)
        (void)ctl_fail("%u more complaints", check->complaints - COMPLAINTS_MAX);
    if (status == SES_OK)
        status = check->status;
    if (status != SES_OK)
        code = ctl_fail("the scan ended early: %s; the counts are of what was read", ses_status_name(status));
    if (total.damaged > 0 || check->census.duplicates > 0)
        code = CTL_FAILED;
    return ctl->json ? print_json(&check->census, code) : print_table(&check->census, code);
}

static int scan(const struct ctl *ctl, const char *shards, const struct ses_seal_ring *seal)
{
    struct check check = {.status = SES_OK};

    if (census_init(&check.census, ses_clock_now_ms()) != SES_OK)
        return ctl_fail("out of memory");
    enum ses_status status = ses_store_scan(shards, seal->key, seal->count, on_row, &check);
    int code = conclude(ctl, &check, status);
    census_done(&check.census);
    return code;
}

int ctl_store_check(const struct ctl *ctl)
{
    char shards[CTL_PATH_SIZE];
    char keys[CTL_PATH_SIZE];
    struct ses_fault fault = {.text = ""};
    struct ses_seal_ring seal;
    int code;

    if (!ctl_path(ctl, "shards", shards) || !ctl_path(ctl, "keys", keys) || !ctl_take_clock(ctl))
        return CTL_FAILED;
    if (ses_seal_ring_load(keys, SES_KEY_SEAL, &seal, &fault) != SES_OK)
        return ctl_fail_fault(&fault);
    code = scan(ctl, shards, &seal);
    ses_seal_ring_free(&seal);
    return code;
}
