#include "budget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sessiond/base/random.h>

static const struct budget_path paths[] = {
    {"decode", 200, budget_decode},
    {"validate", 200, budget_validate},
    {"claim", 1000, budget_claim},
    {"record", 200, budget_record},
    {"seal", 1000, budget_seal},
    {"commit", 1024, budget_commit}, /* 16 batches of 64 */
    {"get", 500, budget_get},
    {"scrub", 512, budget_scrub},
    {"pg_create", 256, budget_pg_create}, /* a batch */
    {"sign", 50, budget_sign},
    {"verify", 1000, budget_verify},
    {"verify_plain", 20, budget_verify_plain},
    {"encrypt", 1000, budget_encrypt},
    {"decrypt", 1000, budget_decrypt},
    {"encode", 1000, budget_encode},
    {"caller", 1000, budget_caller},
    {"certificate", 1000, budget_certificate},
    {"log_line", 1024, budget_log_line},
    {"conn", 1024, budget_conn}, /* 16 turns of 64 calls */
    {"conn_tls", 1024, budget_conn_tls},
    {"http2_turn", 1024, budget_http2_turn}, /* 16 turns of 64 calls */
    {"json_turn", 1024, budget_json_turn},
    {"gateway", 200, budget_gateway},
    {"paid_record", 200, budget_paid_record},
    {"upstream_turn", 1024, budget_upstream_turn}, /* 16 turns of 64 calls */
};

int main(int argc, char **argv)
{
    void *volatile large;

    ses_random_init();
    /* What libraries freed at their start is merged and sorted now, not by the first large allocation that is
     * counted: that alone is 47,000 instructions, and whether it happens depends on which libraries are
     * linked. */
    large = malloc(1u << 16);
    free(large);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (argc == 2 && strcmp(argv[1], "--list") == 0) {
            printf("%s %u\n", paths[i].name, paths[i].operations);
        } else if (argc == 3 && strcmp(argv[1], paths[i].name) == 0) {
            paths[i].run(argv[2], paths[i].operations);
            return 0;
        }
    }
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return 0;
    (void)fputs("usage: sessiond-budget PATH DIRECTORY | --list\n", stderr);
    return 2;
}
