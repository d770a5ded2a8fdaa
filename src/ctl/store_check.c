/* store check: what is wrong with the PostgreSQL databases of a configuration, one line a finding, and what to do. */
#include "ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sessiond/token/token.h>

#include "shards.h"

/* Over all shards. */
struct findings {
    bool json;
    unsigned shard; /* that is looked at */
    json_t *list;
    unsigned count[SES_PG_LEVEL_COUNT];
};

static void on_finding(void *arg, const struct ses_pg_finding *finding)
{
    struct findings *findings = arg;

    findings->count[finding->level]++;
    if (findings->json)
        (void)json_array_append_new(findings->list,
                                    json_pack("{s:i,s:s,s:s,s:s,s:s}", "shard", (int)findings->shard, "level",
                                              ses_pg_level_name(finding->level), "what", finding->what,
                                              "text", finding->text, "remedy", finding->remedy));
    else
        printf("%-5s  shard %u  %s: %s%s%s\n", ses_pg_level_name(finding->level), findings->shard,
               finding->what, finding->text, finding->remedy[0] == '\0' ? "" : "; remedy: ", finding->remedy);
}

/* Keys that are not here, or not ours to read, are not compared; that is said. */
static size_t read_keys(const char *data, struct ses_key_print *ret_prints)
{
    struct ses_fault fault = {.text = ""};
    char dir[CTL_PATH_SIZE];
    size_t count = 0;

    if (snprintf(dir, sizeof(dir), "%s/keys", data) < (int)sizeof(dir) && access(dir, F_OK) == 0 &&
        ses_keyring_print(dir, &fault, ret_prints, &count) == SES_OK)
        return count;
    (void)fprintf(stderr, "sessiondctl: this machine's keys are not compared: %s%s\n",
                  fault.text[0] == '\0' ? dir : fault.text,
                  fault.text[0] == '\0' ? ": is not there (--data)" : "");
    return 0;
}

static int conclude(const struct findings *findings)
{
    int code = findings->count[SES_PG_WRONG] > 0 ? CTL_FAILED : CTL_DONE;

    if (findings->json)
        return ctl_print_json(json_pack("{s:O,s:i,s:i}", "findings", findings->list, "wrong",
                                        (int)findings->count[SES_PG_WRONG], "hints",
                                        (int)findings->count[SES_PG_HINT]),
                              true, code);
    printf("%u wrong, %u hints, %u fine\n", findings->count[SES_PG_WRONG], findings->count[SES_PG_HINT],
           findings->count[SES_PG_FINE]);
    return code;
}

static int check_all(const struct shards *shards, struct findings *findings)
{
    static struct ses_key_print prints[SES_KEYRING_PRINTS_MAX];
    struct ses_fault fault = {.text = ""};
    struct ses_pg_check check = {
        .durability = shards->durability,
        .skew_max_ms = shards->skew_max_ms,
        .connections = shards->connections,
        .prepare = shards->prepare,
        .keys_count = read_keys(shards->data, prints),
        .on_finding = on_finding,
        .arg = findings,
    };

    check.keys = check.keys_count == 0 ? NULL : prints;
    for (unsigned i = 0; i < shards->count; i++) {
        check.place = shards->place[i];
        check.shard = i;
        findings->shard = i;
        if (ses_pg_check(&check, &fault) != SES_OK)
            return ctl_fail_fault(&fault);
    }
    return conclude(findings);
}

/* Without a database it is what it was before there were any: verify, of this machine's disk. */
int ctl_store_check(const struct ctl *ctl)
{
    static struct shards shards;
    struct findings findings = {.json = ctl->json};
    int code;

    if (!shards_are_named(ctl))
        return ctl_store_verify(ctl);
    code = shards_open(ctl, &shards);
    if (code != CTL_DONE)
        return code;
    findings.list = json_array();
    code = check_all(&shards, &findings);
    json_decref(findings.list);
    shards_close(&shards);
    return code;
}
