/* The door to the table and the board for those who make them and ask how full they are. */
#include "shared.h"

#include <stdlib.h>

static enum ses_status join(struct ses_table *table, unsigned slots, struct ses_store_shared **ret_shared)
{
    struct ses_store_shared *shared = calloc(1, sizeof(*shared));

    if (shared == NULL)
        return SES_UNAVAILABLE;
    if (slots != 0 && ses_watch_board_create(slots, &shared->watch_board) != SES_OK) {
        free(shared);
        return SES_UNAVAILABLE;
    }
    shared->table = table;
    shared->loaded = ses_loaded_new();
    *ret_shared = shared;
    return SES_OK;
}

/* The table first: nothing comes between its failure and the caller's look at errno. */
enum ses_status ses_store_shared_create(uint64_t sessions_max, unsigned slots,
                                        struct ses_store_shared **ret_shared)
{
    struct ses_table *table;
    enum ses_status status;

    if (slots > SES_STORE_SHARDS_MAX)
        return SES_INVALID_ARGUMENT;
    SES_TRY(ses_table_create(sessions_max, &table));
    status = join(table, slots, ret_shared);
    if (status != SES_OK)
        ses_table_close(table);
    return status;
}

uint64_t ses_store_shared_layout(void)
{
    return (uint64_t)TABLE_VERSION << 32 | WATCH_LAYOUT;
}

void ses_store_shared_files(const struct ses_store_shared *shared, struct ses_store_shared_files *ret_files)
{
    *ret_files = (struct ses_store_shared_files){.table = shared->table->fd,
                                                 .watch_board = shared->watch_board->memory};
    memcpy(ret_files->wake, shared->watch_board->fd, sizeof(ret_files->wake));
}

/* The caller's descriptors stay open: he may have another use for them. */
static void drop_mapping(struct ses_watch_board *board)
{
    if (board == NULL)
        return;
    board->slots = 0;
    board->memory = -1;
    ses_watch_board_close(board);
}

enum ses_status ses_store_shared_attach(const struct ses_store_shared_files *files, unsigned slots,
                                        struct ses_store_shared **ret_shared)
{
    struct ses_store_shared *shared = calloc(1, sizeof(*shared));
    enum ses_status status;

    if (shared == NULL)
        return SES_NO_MEMORY;
    status = ses_watch_board_attach(files->watch_board, files->wake, slots, &shared->watch_board);
    if (status == SES_OK)
        status = ses_table_attach(files->table, &shared->table);
    if (status == SES_OK) {
        *ret_shared = shared;
        return SES_OK;
    }
    drop_mapping(shared->watch_board);
    free(shared);
    return status;
}

enum ses_status ses_store_shared_resize(struct ses_store_shared *shared, uint64_t sessions_max)
{
    struct ses_table *table;

    SES_TRY(ses_table_create(sessions_max, &table));
    ses_table_close(shared->table);
    shared->table = table;
    return SES_OK;
}

void ses_store_shared_close(struct ses_store_shared *shared)
{
    if (shared == NULL)
        return;
    ses_table_close(shared->table);
    ses_watch_board_close(shared->watch_board);
    ses_loaded_free(shared->loaded);
    free(shared);
}

void ses_store_usage(const struct ses_store_shared *shared, uint64_t *ret_used, uint64_t *ret_room)
{
    ses_table_usage(shared->table, ret_used, ret_room);
}

bool ses_store_is_pressed(const struct ses_store_shared *shared)
{
    return ses_table_percent(shared->table) >= TABLE_PRESSED_PERCENT;
}

uint64_t ses_store_newest_ms(const struct ses_store_shared *shared)
{
    return ses_table_newest_ms(shared->table);
}

int ses_store_wake_fd(const struct ses_store_shared *shared, unsigned slot)
{
    SES_REQUIRE(shared->watch_board != NULL);
    return ses_watch_board_fd(shared->watch_board, slot);
}
