/* store verify: of a backup, every file against the manifest first; then every record of every shard is opened, compared
 * with its row of the index, and counted. A server may run on the directory meanwhile. */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>

#include <sessiond/base/clock.h>
#include <sessiond/token/token.h>

#include "census.h"
#include "manifest.h"

#define COMPLAINTS_MAX 20 /* lines about single records; the counts tell the rest */

struct check {
    const struct ctl *ctl;
    struct manifest manifest;
    bool backup; /* there is one */
    struct census census;
    struct progress progress;
    uint64_t records;
    uint64_t bytes;
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

    check->records++;
    check->bytes += row->sealed_bytes;
    progress_step(&check->progress, check->records, manifest_records(&check->manifest), check->bytes);
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

static int print_json(const struct check *check, int code)
{
    struct census_counts total = census_total(&check->census);
    json_t *shards = json_array();

    for (unsigned i = 0; i < check->census.shards; i++)
        (void)json_array_append_new(shards, counts_json(&check->census.shard[i]));
    return ctl_print_json(json_pack("{s:b,s:o,s:o,s:I}", "backup", check->backup, "shards", shards, "total",
                                    counts_json(&total), "duplicates", (json_int_t)check->census.duplicates),
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
static int conclude(struct check *check, enum ses_status status)
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
    /* Every file is what it was when the backup was made: so must be what is read from it. */
    if (check->backup && status == SES_OK && check->records != manifest_records(&check->manifest))
        code = ctl_fail("%" PRIu64 " records are there, the manifest says %" PRIu64, check->records,
                        manifest_records(&check->manifest));
    return check->ctl->json ? print_json(check, code) : print_table(&check->census, code);
}

static int scan(struct check *check, const char *shards, const struct ses_seal_ring *seal)
{
    enum ses_status status;
    int code;

    if (census_init(&check->census, ses_clock_now_ms()) != SES_OK)
        return ctl_fail("out of memory");
    progress_begin(&check->progress, "verifying");
    status = ses_store_scan(shards, seal->key, seal->count, on_row, check);
    progress_end(&check->progress);
    code = conclude(check, status);
    census_done(&check->census);
    return code;
}

/* A data directory has no manifest; one that cannot be read is a fault. */
static bool read_manifest(struct check *check)
{
    struct ses_fault fault = {.text = ""};
    enum ses_status status = manifest_read(check->ctl->data, &check->manifest, &fault);

    check->backup = status == SES_OK;
    if (status == SES_NOT_FOUND)
        return true;
    if (status != SES_OK)
        (void)ctl_fail_fault(&fault);
    return status == SES_OK && manifest_hash_files(check->ctl->data, &check->manifest, true, "checking");
}

/* Where the keys are is said by --keys for a backup that has none of its own. */
static bool keys_path(const struct ctl *ctl, char ret_path[CTL_PATH_SIZE])
{
    int len = ctl->keys == NULL ? 0 : snprintf(ret_path, CTL_PATH_SIZE, "%s", ctl->keys);

    if (ctl->keys == NULL)
        return ctl_path(ctl, "keys", ret_path);
    return len > 0 && len < CTL_PATH_SIZE;
}

int ctl_store_verify(const struct ctl *ctl)
{
    static struct check check;
    char shards[CTL_PATH_SIZE];
    char keys[CTL_PATH_SIZE];
    struct ses_fault fault = {.text = ""};
    struct ses_seal_ring seal;
    int code;

    check = (struct check){.ctl = ctl};
    if (!ctl_path(ctl, "shards", shards) || !keys_path(ctl, keys) || !ctl_take_clock(ctl) ||
        !read_manifest(&check))
        return CTL_FAILED;
    if (check.backup && !check.manifest.keys && ctl->keys == NULL)
        return ctl_fail("the keys are not in this backup; say where they are by --keys DIR");
    if (ses_seal_ring_load(keys, SES_KEY_SEAL, &seal, &fault) != SES_OK)
        return ctl_fail_fault(&fault);
    code = scan(&check, shards, &seal);
    ses_seal_ring_free(&seal);
    return code;
}
