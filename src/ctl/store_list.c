/* One line a record. No key is needed: what it prints stands in the records' headers, in plain. */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/encode.h>
#include <sessiond/base/rfc3339.h>
#include <sessiond/store/store_admin.h>

struct listing {
    bool json;
    uint64_t left;
    uint64_t now_ms;
};

/* In the world's time; "never" for records that do not expire, and for times beyond what RFC 3339 can say. */
static void expiry_text(uint64_t expires_ms, char ret_text[SES_RFC3339_SIZE])
{
    uint64_t wall_ms = ses_clock_to_wall(expires_ms);

    if (wall_ms / 1000 > SES_RFC3339_SECONDS_MAX)
        (void)snprintf(ret_text, SES_RFC3339_SIZE, "never");
    else
        ses_rfc3339_encode(wall_ms, ret_text);
}

static const char *kind_name(const struct ses_record *record, uint64_t now_ms)
{
    if (record->kind == SES_RECORD_MOVED) /* its own time is over from the start */
        return "moved";
    if (record->expires_ms <= now_ms)
        return "expired";
    if (record->kind == SES_RECORD_INBOX)
        return "inbox";
    return record->kind == SES_RECORD_INTENT ? "intent" : "session";
}

/* Plain header fields only; the body stays sealed. JSON is one object a line, so that a long list needs
 * no memory. printf's failure (a closed pipe, as of head) ends the scan. */
static bool on_row(void *arg, const struct ses_scan_row *row)
{
    struct listing *listing = arg;
    char id[SES_HEX_SIZE(SES_SESSION_ID_BYTES)];
    char expires[SES_RFC3339_SIZE];
    const char *kind = kind_name(row->record, listing->now_ms);

    if (listing->left-- == 0)
        return false;
    (void)ses_hex_encode(ses_slice(row->record->session_id, SES_SESSION_ID_BYTES), id);
    expiry_text(row->record->expires_ms, expires);
    int printed = printf(listing->json ? "{\"shard\":%u,\"locator\":%" PRIu64
                                         ",\"session_id\":\"%s\",\"kind\":\"%s\",\"revision\":%" PRIu32
                                         ",\"expires\":\"%s\",\"sealed_bytes\":%" PRIu32 ",\"seal_key\":%u}\n"
                                       : "%03u %20" PRIu64 " %s %-7s %6" PRIu32 " %-20s %6" PRIu32 " %5u\n",
                         row->shard, row->locator, id, kind, row->record->revision, expires,
                         row->sealed_bytes, (unsigned)row->seal_key);
    return printed >= 0;
}

int ctl_store_list(const struct ctl *ctl)
{
    struct listing listing = {.json = ctl->json, .left = UINT64_MAX};
    char shards[CTL_PATH_SIZE];

    if (ctl->limit != NULL &&
        ses_parse_u64(ses_slice_str(ctl->limit), UINT64_MAX - 1, &listing.left) != SES_OK) {
        (void)ctl_fail("--limit is not a number (see --help)");
        return CTL_USAGE;
    }
    if (!ctl_path(ctl, "shards", shards) || !ctl_take_clock(ctl))
        return CTL_FAILED;
    listing.now_ms = ses_clock_now_ms();
    if (!ctl->json)
        printf("%-3s %20s %-32s %-7s %6s %-20s %6s %5s\n", "sh", "locator", "session", "kind", "rev",
               "expires", "bytes", "seal");
    enum ses_status status = ses_store_scan(shards, NULL, 0, on_row, &listing);
    return status == SES_OK ? CTL_DONE
                            : ctl_fail("%s: the scan ended early: %s", shards, ses_status_name(status));
}
