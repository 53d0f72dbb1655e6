/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, sizes and durations as people spell them. */
#include "base/text.h"
#include "config/config_private.h"

typedef struct number_unit {
	const char *name;
	int64_t factor;
} number_unit;

#define KIB INT64_C(1024)

static const number_unit SIZES[] = {
	{"b", 1},
	{"k", KIB},
	{"kb", KIB},
	{"kib", KIB},
	{"m", KIB *KIB},
	{"mb", KIB *KIB},
	{"mib", KIB *KIB},
	{"g", KIB *KIB *KIB},
	{"gb", KIB *KIB *KIB},
	{"gib", KIB *KIB *KIB},
	{"t", KIB *KIB *KIB *KIB},
	{"tb", KIB *KIB *KIB *KIB},
	{"tib", KIB *KIB *KIB *KIB},
};

#define SECOND INT64_C(1000000000)

static const number_unit TIMES[] = {
	{"ns", 1},
	{"us", 1000},
	{"\xc2\xb5s", 1000},
	{"ms", 1000000},
	{"s", SECOND},
	{"m", 60 * SECOND},
	{"h", 3600 * SECOND},
	{"d", 86400 * SECOND},
	{"w", 7 * 86400 * SECOND},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* Digits, grouped by single underscores; leaves *text behind them. */
static bool read_digits(const char **text, int64_t *out)
{
	const char *at = *text;
	int64_t number = 0;

	if (!is_digit(*at)) {
		return false;
	}
	while (is_digit(*at)) {
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, *at - '0', &number)) {
			return false;
		}
		at++;
		at += *at == '_' && is_digit(at[1]);
	}
	*text = at;
	*out = number;
	return true;
}

bool pdb__number_int(const char *text, int64_t *out)
{
	bool negative = *text == '-';

	text += *text == '-' || *text == '+';
	if (!read_digits(&text, out) || *text != '\0') {
		return false;
	}
	*out = negative ? -*out : *out;
	return true;
}

static const number_unit *find_unit(const number_unit *units, size_t count, const char *name,
				    size_t len)
{
	for (size_t i = 0; i < count; i++) {
		if (pdb_text_equal_nocase(pdb_slice_of(name, len), pdb_slice_text(units[i].name))) {
			return &units[i];
		}
	}
	return NULL;
}

bool pdb__number_size(const char *text, int64_t *out)
{
	const number_unit *found;

	if (!read_digits(&text, out)) {
		return false;
	}
	text += *text == ' ';
	if (*text == '\0') {
		return true;
	}
	found = find_unit(SIZES, COUNT(SIZES), text, strlen(text));
	return found != NULL && !__builtin_mul_overflow(*out, found->factor, out);
}

/* The part behind a point, in billionths; digits further back are too small to matter. */
static bool read_fraction(const char **text, int64_t *out)
{
	int64_t place = SECOND;

	*out = 0;
	if (**text != '.') {
		return true;
	}
	(*text)++;
	if (!is_digit(**text)) {
		return false;
	}
	for (; is_digit(**text); (*text)++) {
		place /= 10;
		*out += place * (**text - '0');
	}
	return true;
}

/* One "1.5h" of a duration; a bare number, which must stand alone, is in seconds. */
static bool read_part(const char **text, bool alone, int64_t *out)
{
	const number_unit *found = &TIMES[4];
	int64_t fraction;
	size_t len;

	if (!read_digits(text, out) || !read_fraction(text, &fraction)) {
		return false;
	}
	*text += **text == ' ';
	len = strcspn(*text, " 0123456789.");
	if (len > 0) {
		found = find_unit(TIMES, COUNT(TIMES), *text, len);
	} else if (!alone || **text != '\0') {
		return false;
	}
	if (found == NULL || __builtin_mul_overflow(*out, found->factor, out)) {
		return false;
	}
	*text += len;
	/* The quotient first: the product of two large numbers does not fit. */
	fraction = found->factor >= SECOND ? fraction * (found->factor / SECOND)
					   : fraction * found->factor / SECOND;
	return !__builtin_add_overflow(*out, fraction, out);
}

bool pdb__number_duration(const char *text, int64_t *out)
{
	const char *at = text;
	int64_t part;

	*out = 0;
	do {
		if (!read_part(&at, at == text, &part) || __builtin_add_overflow(*out, part, out)) {
			return false;
		}
	} while (*at != '\0');
	return true;
}

/* -- printing ---------------------------------------------------------------------------------- */

static void print_with(pdb_buf *out, int64_t number, const number_unit *units, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (number != 0 && number % units[i].factor == 0) {
			pdb_buf_add_int(out, number / units[i].factor);
			pdb_buf_add_text(out, units[i].name);
			return;
		}
	}
	pdb_buf_add_int(out, number);
}

void pdb__number_print_size(pdb_buf *out, int64_t bytes)
{
	static const number_unit units[] = {{"TiB", KIB * KIB * KIB * KIB},
					    {"GiB", KIB * KIB * KIB},
					    {"MiB", KIB * KIB},
					    {"KiB", KIB}};

	print_with(out, bytes, units, COUNT(units));
}

void pdb__number_print_duration(pdb_buf *out, int64_t nanoseconds)
{
	static const number_unit units[] = {
		{"d", 86400 * SECOND}, {"h", 3600 * SECOND}, {"m", 60 * SECOND}, {"s", SECOND},
		{"ms", 1000000},       {"us", 1000},         {"ns", 1}};

	print_with(out, nanoseconds, units, COUNT(units));
}
