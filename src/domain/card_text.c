/* Folding one character: escapes are taken off, then its code point is looked up. A character may be written
 * by several bytes of text; callers go on by the length they are told and mask just that.
 */
#include "card_text.h"

#include <sessiond/base/encode.h>
#include <sessiond/base/ranges.h>

/* ---- Unicode ----------------------------------------------------------------------------------- */

#define SKIP     SES_FOLD_SKIP
#define WIDE     0xE0         /* full-width ASCII */
#define DIGIT(n) (0xF0 + (n)) /* digits in a row, the first of them n */

#define WIDE_SHIFT 0xFEE0u

/* From Unicode 14.0 (UnicodeData.txt): Numeric_Type Decimal or Digit; general categories Zs, Zl, Zp, Pd, Pc,
 * Cf, the variation selectors and combining marks; and the dots and strokes that look like '.', '-' and '/'.
 * In order. */
/* clang-format off */
static const struct fold { /* each begins as a struct ses_range */
    uint32_t first, last;
    uint8_t to;
} folds[] = {
    {0x0080, 0x0084, SKIP}, {0x0085, 0x0085, '\n'}, {0x0086, 0x009F, SKIP}, {0x00A0, 0x00A0, ' '},
    {0x00AD, 0x00AD, SKIP}, {0x00B2, 0x00B3, DIGIT(2)}, {0x00B7, 0x00B7, '.'}, {0x00B9, 0x00B9, DIGIT(1)},
    {0x02D7, 0x02D7, '-'}, {0x0300, 0x036F, SKIP}, {0x0387, 0x0387, '.'}, {0x058A, 0x058A, '-'},
    {0x05BE, 0x05BE, '-'}, {0x0600, 0x0605, SKIP}, {0x061C, 0x061C, SKIP}, {0x0660, 0x0669, DIGIT(0)},
    {0x06D4, 0x06D4, '.'}, {0x06DD, 0x06DD, SKIP}, {0x06F0, 0x06F9, DIGIT(0)}, {0x070F, 0x070F, SKIP},
    {0x07C0, 0x07C9, DIGIT(0)}, {0x0890, 0x0891, SKIP}, {0x08E2, 0x08E2, SKIP}, {0x0966, 0x096F, DIGIT(0)},
    {0x09E6, 0x09EF, DIGIT(0)}, {0x0A66, 0x0A6F, DIGIT(0)}, {0x0AE6, 0x0AEF, DIGIT(0)},
    {0x0B66, 0x0B6F, DIGIT(0)}, {0x0BE6, 0x0BEF, DIGIT(0)}, {0x0C66, 0x0C6F, DIGIT(0)},
    {0x0CE6, 0x0CEF, DIGIT(0)}, {0x0D66, 0x0D6F, DIGIT(0)}, {0x0DE6, 0x0DEF, DIGIT(0)},
    {0x0E50, 0x0E59, DIGIT(0)}, {0x0ED0, 0x0ED9, DIGIT(0)}, {0x0F20, 0x0F29, DIGIT(0)},
    {0x1040, 0x1049, DIGIT(0)}, {0x1090, 0x1099, DIGIT(0)}, {0x115F, 0x1160, SKIP},
    {0x1369, 0x1371, DIGIT(1)}, {0x1400, 0x1400, '-'}, {0x1680, 0x1680, ' '}, {0x16EB, 0x16EB, '.'},
    {0x17E0, 0x17E9, DIGIT(0)}, {0x1806, 0x1806, '-'}, {0x180B, 0x180F, SKIP}, {0x1810, 0x1819, DIGIT(0)},
    {0x1946, 0x194F, DIGIT(0)}, {0x19D0, 0x19D9, DIGIT(0)}, {0x19DA, 0x19DA, DIGIT(1)},
    {0x1A80, 0x1A89, DIGIT(0)}, {0x1A90, 0x1A99, DIGIT(0)}, {0x1AB0, 0x1AFF, SKIP},
    {0x1B50, 0x1B59, DIGIT(0)}, {0x1BB0, 0x1BB9, DIGIT(0)}, {0x1C40, 0x1C49, DIGIT(0)},
    {0x1C50, 0x1C59, DIGIT(0)}, {0x1DC0, 0x1DFF, SKIP}, {0x2000, 0x200A, ' '}, {0x200B, 0x200F, SKIP},
    {0x2010, 0x2015, '-'}, {0x2022, 0x2022, '.'}, {0x2024, 0x2024, '.'}, {0x2027, 0x2027, '.'},
    {0x2028, 0x2029, '\n'}, {0x202A, 0x202E, SKIP}, {0x202F, 0x202F, ' '}, {0x203F, 0x2040, '_'},
    {0x2043, 0x2043, '-'}, {0x2044, 0x2044, '/'}, {0x2054, 0x2054, '_'}, {0x205F, 0x205F, ' '},
    {0x2060, 0x2064, SKIP}, {0x2066, 0x206F, SKIP}, {0x2070, 0x2070, DIGIT(0)}, {0x2074, 0x2079, DIGIT(4)},
    {0x2080, 0x2089, DIGIT(0)}, {0x20D0, 0x20F0, SKIP}, {0x2212, 0x2212, '-'}, {0x2215, 0x2215, '/'},
    {0x2219, 0x2219, '.'}, {0x22C5, 0x22C5, '.'}, {0x2460, 0x2468, DIGIT(1)}, {0x2474, 0x247C, DIGIT(1)},
    {0x2488, 0x2490, DIGIT(1)}, {0x24EA, 0x24EA, DIGIT(0)}, {0x24F5, 0x24FD, DIGIT(1)},
    {0x24FF, 0x24FF, DIGIT(0)}, {0x2500, 0x2501, '-'}, {0x2776, 0x277E, DIGIT(1)},
    {0x2780, 0x2788, DIGIT(1)}, {0x278A, 0x2792, DIGIT(1)}, {0x2796, 0x2796, '-'}, {0x29F8, 0x29F8, '/'},
    {0x2E17, 0x2E17, '-'}, {0x2E1A, 0x2E1A, '-'}, {0x2E3A, 0x2E3B, '-'}, {0x2E40, 0x2E40, '-'},
    {0x2E5D, 0x2E5D, '-'}, {0x3000, 0x3000, ' '}, {0x3002, 0x3002, '.'}, {0x301C, 0x301C, '-'},
    {0x3030, 0x3030, '-'}, {0x30A0, 0x30A0, '-'}, {0x30FB, 0x30FB, '.'}, {0x3164, 0x3164, SKIP},
    {0xA620, 0xA629, DIGIT(0)}, {0xA8D0, 0xA8D9, DIGIT(0)}, {0xA900, 0xA909, DIGIT(0)},
    {0xA9D0, 0xA9D9, DIGIT(0)}, {0xA9F0, 0xA9F9, DIGIT(0)}, {0xAA50, 0xAA59, DIGIT(0)},
    {0xABF0, 0xABF9, DIGIT(0)}, {0xFE00, 0xFE0F, SKIP}, {0xFE20, 0xFE2F, SKIP}, {0xFE31, 0xFE32, '-'},
    {0xFE33, 0xFE34, '_'}, {0xFE4D, 0xFE4F, '_'}, {0xFE58, 0xFE58, '-'}, {0xFE63, 0xFE63, '-'},
    {0xFEFF, 0xFEFF, SKIP}, {0xFF01, 0xFF0F, WIDE}, {0xFF10, 0xFF19, DIGIT(0)}, {0xFF1A, 0xFF5E, WIDE},
    {0xFF61, 0xFF61, '.'}, {0xFF65, 0xFF65, '.'}, {0xFFA0, 0xFFA0, SKIP}, {0xFFF9, 0xFFFB, SKIP},
    {0x104A0, 0x104A9, DIGIT(0)}, {0x10A40, 0x10A43, DIGIT(1)}, {0x10D30, 0x10D39, DIGIT(0)},
    {0x10E60, 0x10E68, DIGIT(1)}, {0x10EAD, 0x10EAD, '-'}, {0x11052, 0x1105A, DIGIT(1)},
    {0x11066, 0x1106F, DIGIT(0)}, {0x110BD, 0x110BD, SKIP}, {0x110CD, 0x110CD, SKIP},
    {0x110F0, 0x110F9, DIGIT(0)}, {0x11136, 0x1113F, DIGIT(0)}, {0x111D0, 0x111D9, DIGIT(0)},
    {0x112F0, 0x112F9, DIGIT(0)}, {0x11450, 0x11459, DIGIT(0)}, {0x114D0, 0x114D9, DIGIT(0)},
    {0x11650, 0x11659, DIGIT(0)}, {0x116C0, 0x116C9, DIGIT(0)}, {0x11730, 0x11739, DIGIT(0)},
    {0x118E0, 0x118E9, DIGIT(0)}, {0x11950, 0x11959, DIGIT(0)}, {0x11C50, 0x11C59, DIGIT(0)},
    {0x11D50, 0x11D59, DIGIT(0)}, {0x11DA0, 0x11DA9, DIGIT(0)}, {0x13430, 0x13438, SKIP},
    {0x16A60, 0x16A69, DIGIT(0)}, {0x16AC0, 0x16AC9, DIGIT(0)}, {0x16B50, 0x16B59, DIGIT(0)},
    {0x1BCA0, 0x1BCA3, SKIP}, {0x1D173, 0x1D17A, SKIP}, {0x1D7CE, 0x1D7FF, DIGIT(0)},
    {0x1E140, 0x1E149, DIGIT(0)}, {0x1E2F0, 0x1E2F9, DIGIT(0)}, {0x1E950, 0x1E959, DIGIT(0)},
    {0x1F100, 0x1F100, DIGIT(0)}, {0x1F101, 0x1F10A, DIGIT(0)}, {0x1FBF0, 0x1FBF9, DIGIT(0)},
    {0xE0001, 0xE0001, SKIP}, {0xE0020, 0xE007F, SKIP}, {0xE0100, 0xE01EF, SKIP},
};
/* clang-format on */

static uint8_t fold_code_point(uint32_t c)
{
    size_t count = sizeof(folds) / sizeof(folds[0]);
    size_t at;

    if (c < 0x80)
        return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F ? SKIP : (uint8_t)c;
    at = ses_ranges_find(folds, count, sizeof(folds[0]), c);
    if (at == count)
        return SES_FOLD_OTHER;
    if (folds[at].to == WIDE)
        return (uint8_t)(c - WIDE_SHIFT);
    if (folds[at].to >= DIGIT(0))
        return (uint8_t)('0' + (folds[at].to - DIGIT(0) + (c - folds[at].first)) % 10);
    return folds[at].to;
}

/* A byte that begins no UTF-8: of the upper half of windows-1252 what matters. */
static uint8_t fold_stray_byte(uint8_t byte)
{
    switch (byte) {
    case 0xA0:
        return ' ';
    case 0x85:
        return '.'; /* three dots */
    case 0x96:
    case 0x97:
        return '-';
    case 0xB7:
    case 0x95:
        return '.';
    case 0xAD:
        return SKIP;
    default:
        return SES_FOLD_OTHER;
    }
}

static uint8_t fold_bytes(struct ses_slice bytes, size_t *ret_len)
{
    uint32_t code_point = 0;

    *ret_len = ses_utf8_first(bytes, &code_point);
    if (*ret_len > 0)
        return fold_code_point(code_point);
    *ret_len = 1;
    return fold_stray_byte(bytes.data[0]);
}

/* ---- escapes ----------------------------------------------------------------------------------- */

static bool hex_number(struct ses_slice text, size_t at, size_t digits, uint32_t *ret_number)
{
    uint32_t number = 0;

    if (at > text.len || text.len - at < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        int digit = ses_hex_digit(text.data[at + i]);

        if (digit < 0)
            return false;
        number = number << 4 | (uint32_t)digit;
    }
    *ret_number = number;
    return true;
}

/* Behind the 'u'; two of them when the first is the high half of a pair. Returns where it ends. */
static size_t take_unicode(struct ses_slice text, size_t at, uint8_t *ret_folded)
{
    uint32_t high = 0, low = 0;

    if (!hex_number(text, at, 4, &high)) {
        *ret_folded = '\\';
        return at;
    }
    at += 4;
    if (high >= 0xD800 && high <= 0xDBFF) {
        size_t next = at;

        while (next < text.len && text.data[next] == '\\')
            next++;
        if (next > at && next < text.len && text.data[next] == 'u' && hex_number(text, next + 1, 4, &low) &&
            low >= 0xDC00 && low <= 0xDFFF) {
            high = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            at = next + 5;
        }
    }
    *ret_folded = fold_code_point(high);
    return at;
}

/* \xXX of JavaScript and Python, behind the 'x'. Returns where it ends. */
static size_t take_hex(struct ses_slice text, size_t at, uint8_t *ret_folded)
{
    uint32_t number = 0;

    if (!hex_number(text, at, 2, &number))
        return at - 1;
    *ret_folded = fold_code_point(number);
    return at + 2;
}

/* Text in JSON in JSON has its backslashes doubled: any number of them is one. */
static size_t take_backslash(struct ses_slice text, size_t at, uint8_t *ret_folded)
{
    size_t end = at;

    while (end < text.len && text.data[end] == '\\')
        end++;
    *ret_folded = '\\';
    if (end == text.len)
        return end;
    switch (text.data[end]) {
    case 'u':
        return take_unicode(text, end + 1, ret_folded);
    case 'n':
    case 'r':
        *ret_folded = '\n';
        return end + 1;
    case 'x':
        return take_hex(text, end + 1, ret_folded);
    case 't':
    case 'f':
    case 'b':
        *ret_folded = '\t';
        return end + 1;
    case '/':
    case '"':
        *ret_folded = text.data[end];
        return end + 1;
    default:
        return end;
    }
}

/* One byte written as %XX, or as %25XX and so on. Returns where it ends; at itself: it is none. */
static size_t percent_byte(struct ses_slice text, size_t at, uint8_t *ret_byte)
{
    uint32_t byte = 0;

    if (at >= text.len || text.data[at] != '%' || !hex_number(text, at + 1, 2, &byte))
        return at;
    at += 3;
    while (byte == '%' && hex_number(text, at, 2, &byte))
        at += 2;
    *ret_byte = (uint8_t)byte;
    return at;
}

/* %XX, several of which are one character; %uXXXX as JavaScript's escape() writes it. Up to four bytes are gathered,
 * as many as one code point has; those behind it are read again by the next. */
static size_t take_percent(struct ses_slice text, size_t at, uint8_t *ret_folded)
{
    uint8_t bytes[4] = {'%'};
    size_t ends[4] = {at};
    size_t count = 0;
    size_t used = 0;
    uint32_t unit = 0;

    if (text.len - at > 2 && text.data[at + 1] == 'u' && hex_number(text, at + 2, 4, &unit))
        return take_unicode(text, at + 2, ret_folded);

    while (count < sizeof(bytes)) {
        size_t end = percent_byte(text, at, &bytes[count]);

        if (end == at)
            break;
        ends[count++] = end;
        at = end;
    }
    if (count == 0) {
        *ret_folded = '%';
        return at + 1;
    }
    *ret_folded = fold_bytes(ses_slice(bytes, count), &used);
    return ends[used - 1];
}

/* HTML's names of what may stand between digits or around a key. */
static const struct {
    struct ses_slice name;
    uint8_t folded;
} references[] = {
    {SES_STR_INIT("nbsp"), ' '},     {SES_STR_INIT("ensp"), ' '},
    {SES_STR_INIT("emsp"), ' '},     {SES_STR_INIT("thinsp"), ' '},
    {SES_STR_INIT("numsp"), ' '},    {SES_STR_INIT("puncsp"), ' '},
    {SES_STR_INIT("hairsp"), ' '},   {SES_STR_INIT("Tab"), '\t'},
    {SES_STR_INIT("NewLine"), '\n'}, {SES_STR_INIT("ndash"), '-'},
    {SES_STR_INIT("mdash"), '-'},    {SES_STR_INIT("horbar"), '-'},
    {SES_STR_INIT("hyphen"), '-'},   {SES_STR_INIT("dash"), '-'},
    {SES_STR_INIT("minus"), '-'},    {SES_STR_INIT("shy"), SKIP},
    {SES_STR_INIT("zwj"), SKIP},     {SES_STR_INIT("zwnj"), SKIP},
    {SES_STR_INIT("lrm"), SKIP},     {SES_STR_INIT("rlm"), SKIP},
    {SES_STR_INIT("NoBreak"), SKIP}, {SES_STR_INIT("period"), '.'},
    {SES_STR_INIT("middot"), '.'},   {SES_STR_INIT("bull"), '.'},
    {SES_STR_INIT("sol"), '/'},      {SES_STR_INIT("lowbar"), '_'},
    {SES_STR_INIT("plus"), '+'},     {SES_STR_INIT("quot"), '"'},
    {SES_STR_INIT("apos"), '\''},    {SES_STR_INIT("colon"), ':'},
    {SES_STR_INIT("equals"), '='},   {SES_STR_INIT("lt"), '<'},
    {SES_STR_INIT("gt"), '>'},       {SES_STR_INIT("ZeroWidthSpace"), SKIP},
};

/* Behind "&#". Returns where its ';' is; 0: it is none. */
static size_t reference_number(struct ses_slice text, size_t at, uint32_t *ret_number)
{
    unsigned base = at < text.len && (text.data[at] | 0x20) == 'x' ? 16 : 10;
    size_t begin = base == 16 ? at + 1 : at;
    uint32_t number = 0;

    for (at = begin; at < text.len && text.data[at] != ';'; at++) {
        int digit = ses_hex_digit(text.data[at]);

        number = number * base + (uint32_t)digit;
        if (digit < 0 || digit >= (int)base || number > 0x10FFFF)
            return 0;
    }
    *ret_number = number;
    return at < text.len && at > begin ? at : 0;
}

/* Returns where it ends; behind the '&' when it is none. "&amp;nbsp;" was written twice. */
static size_t take_reference(struct ses_slice text, size_t at, uint8_t *ret_folded)
{
    struct ses_slice rest;
    uint32_t number = 0;
    size_t name = at + 1;

    *ret_folded = '&';
    while (ses_slice_starts(ses_slice_cut(text, name, text.len), SES_STR("amp;")))
        name += 4;
    rest = ses_slice_cut(text, name, text.len);
    if (rest.len > 0 && rest.data[0] == '#') {
        size_t end = reference_number(text, name + 1, &number);

        if (end == 0)
            return at + 1;
        *ret_folded = fold_code_point(number);
        return end + 1;
    }
    for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++) {
        size_t len = references[i].name.len;

        if (rest.len > len && rest.data[len] == ';' && ses_slice_starts(rest, references[i].name)) {
            *ret_folded = references[i].folded;
            return name + len + 1;
        }
    }
    return at + 1;
}

size_t ses_card_fold(struct ses_slice text, size_t at, bool decode, uint8_t *ret_folded)
{
    uint8_t byte = text.data[at];
    size_t len = 1;

    if (byte == '\\')
        return take_backslash(text, at, ret_folded) - at;
    if (byte == '%' && decode)
        return take_percent(text, at, ret_folded) - at;
    if (byte == '&' && decode)
        return take_reference(text, at, ret_folded) - at;
    if (byte < 0x80)
        *ret_folded = fold_code_point(byte);
    else
        *ret_folded = fold_bytes(ses_slice_cut(text, at, text.len), &len);
    return len;
}
