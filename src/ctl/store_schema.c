/* store schema: what a PostgreSQL database needs before sessiond can use it, printed for who operates it. */
#include "ctl.h"

#include <stdio.h>
#include <stdlib.h>

#include <sessiond/store/store_pg_admin.h>

/* false: no number, or none that a shard has. */
static bool read_shard(const char *text, unsigned *ret_shard)
{
    char *end = NULL;
    unsigned long number;

    if (text == NULL) {
        *ret_shard = 0;
        return true;
    }
    number = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number >= SES_PG_SHARDS_MAX)
        return false;
    *ret_shard = (unsigned)number;
    return true;
}

int ctl_store_schema(const struct ctl *ctl)
{
    const char *role = ctl->role == NULL ? SES_PG_ROLE_DEFAULT : ctl->role;
    struct ses_buf text;
    enum ses_status status;
    unsigned shard = 0;
    int code = CTL_DONE;

    if (!read_shard(ctl->shard, &shard)) {
        (void)ctl_fail("--shard: a number from 0 to %d", SES_PG_SHARDS_MAX - 1);
        return CTL_USAGE;
    }
    ses_buf_init(&text, SES_PG_SCHEMA_MAX);
    status = ses_pg_schema_write(shard, role, &text);
    if (status == SES_INVALID_ARGUMENT) {
        (void)ctl_fail("--role: 1 to 63 letters, digits and _-.@");
        code = CTL_USAGE;
    } else if (status != SES_OK)
        code = ctl_fail("out of memory");
    else if (fwrite(text.data, 1, text.len, stdout) != text.len)
        code = ctl_fail("cannot write the answer");
    ses_buf_done(&text);
    return code;
}
