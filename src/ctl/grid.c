/* Widths count bytes: every cell is ASCII by the time it is one. */
#include "grid.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <sessiond/base/units.h>

#define RED   "\033[1;31m"
#define PLAIN "\033[0m"

void ctl_row_put(struct ctl_row *row, bool bad, const char *text)
{
    struct ctl_cell *cell = &row->cells[row->count];

    if (row->count == CTL_CELLS_MAX)
        return;
    (void)snprintf(cell->text, sizeof(cell->text), "%s", text);
    for (char *at = cell->text; *at != '\0'; at++)
        *at = *at >= 0x20 && *at < 0x7f ? *at : '?';
    cell->bad = bad;
    row->count++;
}

static void format_number(double value, char ret_text[CTL_CELL_SIZE])
{
    if (value < 0)
        (void)snprintf(ret_text, CTL_CELL_SIZE, "-");
    else if (value >= 100 || value == (double)(uint64_t)value)
        (void)snprintf(ret_text, CTL_CELL_SIZE, "%.0f", value);
    else
        (void)snprintf(ret_text, CTL_CELL_SIZE, "%.*f", value >= 10 ? 1 : 2, value);
}

void ctl_row_number(struct ctl_row *row, bool bad, double value)
{
    char text[CTL_CELL_SIZE];

    format_number(value, text);
    ctl_row_put(row, bad, text);
}

void ctl_row_named(struct ctl_row *row, bool bad, const char *name, double value, const char *unit)
{
    char number[CTL_CELL_SIZE];
    char text[CTL_CELL_SIZE];

    format_number(value, number);
    (void)snprintf(text, sizeof(text), "%.40s %.40s%.10s", name, number, unit);
    ctl_row_put(row, bad, text);
}

void ctl_format_bytes(double bytes, char ret_text[CTL_CELL_SIZE])
{
    if (bytes >= (double)SES_GIB)
        (void)snprintf(ret_text, CTL_CELL_SIZE, "%.2f GiB", bytes / (double)SES_GIB);
    else
        (void)snprintf(ret_text, CTL_CELL_SIZE, "%.1f MiB", bytes / (double)SES_MIB);
}

struct ctl_row *ctl_grid_row(struct ctl_grid *grid)
{
    struct ctl_row *row = &grid->rows[grid->count < CTL_ROWS_MAX ? grid->count++ : CTL_ROWS_MAX - 1];

    row->count = 0;
    return row;
}

/* *at: columns that the line has taken. */
static enum ses_status put(const char *text, bool bad, const struct ctl_look *look, unsigned *at,
                           struct ses_buf *out)
{
    size_t len = strlen(text);

    if (look->columns != 0 && *at + len > look->columns)
        len = *at >= look->columns ? 0 : look->columns - *at;
    if (len == 0)
        return SES_OK;
    *at += (unsigned)len;
    if (bad && look->colours)
        return ses_buf_appendf(out, RED "%.*s" PLAIN, (int)len, text);
    return ses_buf_appendf(out, "%.*s", (int)len, text);
}

/* width: negative to the left, as printf has it. */
static enum ses_status put_cell(const struct ctl_cell *cell, int width, const struct ctl_look *look,
                                unsigned *at, struct ses_buf *out)
{
    char text[2 * CTL_CELL_SIZE];

    (void)snprintf(text, sizeof(text), "%*s", width, cell->text);
    return put(text, cell->bad, look, at, out);
}

static enum ses_status write_row(const struct ctl_row *row, const size_t *widths, const struct ctl_look *look,
                                 struct ses_buf *out)
{
    unsigned at = 0;

    for (size_t column = 0; column < row->count; column++) {
        int width = widths == NULL ? 0 : (int)widths[column];

        if (column > 0)
            SES_TRY(put("  ", false, look, &at, out));
        SES_TRY(put_cell(&row->cells[column], column == 0 ? -width : width, look, &at, out));
    }
    return ses_buf_append_byte(out, '\n');
}

enum ses_status ctl_row_write(const struct ctl_row *row, const struct ctl_look *look, struct ses_buf *out)
{
    return write_row(row, NULL, look, out);
}

enum ses_status ctl_grid_write(const struct ctl_grid *grid, const struct ctl_look *look, struct ses_buf *out)
{
    size_t widths[CTL_CELLS_MAX] = {0};

    for (size_t i = 0; i < grid->count; i++) {
        for (size_t column = 0; column < grid->rows[i].count; column++) {
            size_t len = strlen(grid->rows[i].cells[column].text);

            widths[column] = len > widths[column] ? len : widths[column];
        }
    }
    for (size_t i = 0; i < grid->count; i++)
        SES_TRY(write_row(&grid->rows[i], widths, look, out));
    return ses_buf_append_byte(out, '\n');
}
