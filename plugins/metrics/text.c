/* SPDX-License-Identifier: Apache-2.0 */
/* Text that grows, in the memory of the host. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "metrics_private.h"

#define ROOM_FIRST ((size_t)64 * 1024)

static bool make_room(page_text *to, size_t more)
{
	size_t room = to->room == 0 ? ROOM_FIRST : to->room;
	char *data;

	if (to->failed || to->room - to->len >= more) {
		return !to->failed;
	}
	while (room - to->len < more) {
		room *= 2;
	}
	data = to->host->realloc(to->data, room);
	to->failed = data == NULL;
	if (data != NULL) {
		to->data = data;
		to->room = room;
	}
	return data != NULL;
}

static void add_bytes(page_text *to, const char *bytes, size_t len)
{
	if (make_room(to, len)) {
		memcpy(to->data + to->len, bytes, len);
		to->len += len;
	}
}

void text_add(page_text *to, const char *what)
{
	add_bytes(to, what, strlen(what));
}

void text_add_byte(page_text *to, char byte)
{
	add_bytes(to, &byte, 1);
}

void text_add_count(page_text *to, uint64_t count)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + count % 10);
		count /= 10;
	} while (count > 0);
	add_bytes(to, digits + at, sizeof(digits) - at);
}

void text_add_number(page_text *to, double number)
{
	char digits[40];

	if (number >= 0 && number < 1e15 && number == floor(number)) {
		text_add_count(to, (uint64_t)number);
		return;
	}
	if (isnan(number) || isinf(number)) {
		text_add(to, isnan(number) ? "NaN" : (number > 0 ? "+Inf" : "-Inf"));
		return;
	}
	for (int precision = 6; precision <= 17; precision++) {
		(void)snprintf(digits, sizeof(digits), "%.*g", precision, number);
		if (strtod(digits, NULL) == number) {
			break;
		}
	}
	text_add(to, digits);
}

void text_fini(page_text *of)
{
	of->host->free(of->data);
	*of = (page_text){.host = of->host};
}
