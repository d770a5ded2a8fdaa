/* The database as a whole. */
#include "toy_impl.h"

#include <stdlib.h>

struct toy_cloud *toy_cloud_new(void)
{
    struct toy_cloud *cloud = calloc(1, sizeof(*cloud));

    SES_REQUIRE(cloud != NULL);
    ses_list_init(&cloud->rows);
    ses_list_init(&cloud->abandoned);
    return cloud;
}

static void free_rows(struct toy_cloud *cloud)
{
    struct ses_list *next;

    for (struct ses_list *node = cloud->rows.next; node != &cloud->rows; node = next) {
        struct toy_row *row = SES_CONTAINER(node, struct toy_row, node);

        next = node->next;
        toy_revision_drop(row->record);
        toy_revision_drop(row->intent);
        free(row);
    }
}

void toy_cloud_free(struct toy_cloud *cloud)
{
    struct ses_list *next;

    if (cloud == NULL)
        return;
    for (struct ses_list *node = cloud->abandoned.next; node != &cloud->abandoned; node = next) {
        next = node->next;
        toy_statement_free(SES_CONTAINER(node, struct toy_statement, node));
    }
    free_rows(cloud);
    free(cloud);
}

uint64_t toy_cloud_writes(const struct toy_cloud *cloud)
{
    return cloud->writes;
}

size_t toy_cloud_abandoned(const struct toy_cloud *cloud)
{
    size_t count = 0;

    for (const struct ses_list *node = cloud->abandoned.next; node != &cloud->abandoned; node = node->next)
        count++;
    return count;
}

void toy_cloud_end_leases(struct toy_cloud *cloud)
{
    for (struct ses_list *node = cloud->rows.next; node != &cloud->rows; node = node->next)
        SES_CONTAINER(node, struct toy_row, node)->lease_until_ns = 0;
}
