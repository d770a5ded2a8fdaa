/* grid.h - lines of cells on a terminal: columns as wide as their widest cell, cut at the terminal's edge before any colour
 * is added, what is amiss in red.
 */
#ifndef SESSIOND_SRC_CTL_GRID_H
#define SESSIOND_SRC_CTL_GRID_H

#include <stdbool.h>

#include <sessiond/base/buf.h>

#define CTL_CELL_SIZE 96
#define CTL_CELLS_MAX 16
#define CTL_ROWS_MAX  80

/* How it is to look. */
struct ctl_look {
    unsigned columns; /* of the terminal: lines are cut there; 0: not cut */
    bool colours;     /* escape sequences */
};

struct ctl_cell {
    char text[CTL_CELL_SIZE];
    bool bad;
};

struct ctl_row {
    struct ctl_cell cells[CTL_CELLS_MAX];
    size_t count;
};

/* Zeroed it is empty. About 120 KiB: not for the stack. */
struct ctl_grid {
    struct ctl_row rows[CTL_ROWS_MAX];
    size_t count;
};

/* A cell more; a row that is full stays as it is. Characters that a terminal might obey become '?'. */
void ctl_row_put(struct ctl_row *row, bool bad, const char *text);
/* Three digits or so; a dash below 0. */
void ctl_row_number(struct ctl_row *row, bool bad, double value);
/* "name value unit" in one cell. */
void ctl_row_named(struct ctl_row *row, bool bad, const char *name, double value, const char *unit);
/* "4.2 MiB". */
void ctl_format_bytes(double bytes, char ret_text[CTL_CELL_SIZE]);
/* An empty row; when there are too many, the last one again. */
struct ctl_row *ctl_grid_row(struct ctl_grid *grid);

/* The row's cells with gaps between, not aligned. SES_NO_MEMORY, SES_TOO_LARGE, as the next. */
SES_MUST_CHECK enum ses_status ctl_row_write(const struct ctl_row *row, const struct ctl_look *look,
                                             struct ses_buf *out);
/* All rows, the first column to the left, the others to the right, and an empty line. */
SES_MUST_CHECK enum ses_status ctl_grid_write(const struct ctl_grid *grid, const struct ctl_look *look,
                                              struct ses_buf *out);

#endif
