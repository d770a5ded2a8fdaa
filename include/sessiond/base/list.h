/* list.h - intrusive doubly linked list with a head of its own type. */
#ifndef SESSIOND_BASE_LIST_H
#define SESSIOND_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct ses_list {
    struct ses_list *next;
    struct ses_list *prev;
};

/* An empty head, or a node that is in no list. */
static inline void ses_list_init(struct ses_list *node)
{
    node->next = node;
    node->prev = node;
}

static inline bool ses_list_empty(const struct ses_list *head)
{
    return head->next == head;
}

static inline void ses_list_push_back(struct ses_list *head, struct ses_list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

/* Harmless on a node that is in no list. */
static inline void ses_list_remove(struct ses_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    ses_list_init(node);
}

/* The first node, removed; NULL when empty. */
static inline struct ses_list *ses_list_pop(struct ses_list *head)
{
    struct ses_list *node = head->next;

    if (node == head)
        return NULL;
    ses_list_remove(node);
    return node;
}

/* The last one: of spare things the one that was used last, and is in the cache. */
static inline struct ses_list *ses_list_pop_back(struct ses_list *head)
{
    struct ses_list *node = head->prev;

    if (node == head)
        return NULL;
    ses_list_remove(node);
    return node;
}

#endif
