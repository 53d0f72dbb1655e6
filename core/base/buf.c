/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

#define BUF_FIRST 256u

void pdb_buf_fini(pdb_buf *buf)
{
	if (buf != NULL) {
		pdb_mem_free(buf->data);
		*buf = (pdb_buf){0};
	}
}

static bool buf_grow(pdb_buf *buf, size_t more)
{
	size_t cap = buf->cap > 0 ? buf->cap : BUF_FIRST;
	uint8_t *data = NULL;

	if (more <= SIZE_MAX / 2 && buf->len <= SIZE_MAX / 2 - more) {
		while (cap < buf->len + more) {
			cap *= 2;
		}
		data = pdb_mem_realloc(buf->data, cap);
	}
	if (data == NULL) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->cap = cap;
	return true;
}

bool pdb_buf_reserve(pdb_buf *buf, size_t more)
{
	if (buf->failed) {
		return false;
	}
	return more <= buf->cap - buf->len || buf_grow(buf, more);
}

void pdb_buf_add(pdb_buf *buf, const void *bytes, size_t len)
{
	if (len > 0 && pdb_buf_reserve(buf, len)) {
		memcpy(buf->data + buf->len, bytes, len);
		buf->len += len;
	}
}

void pdb_buf_add_slice(pdb_buf *buf, pdb_slice bytes)
{
	pdb_buf_add(buf, bytes.ptr, bytes.len);
}

void pdb_buf_add_text(pdb_buf *buf, const char *text)
{
	pdb_buf_add(buf, text, strlen(text));
}

void pdb_buf_add_byte(pdb_buf *buf, uint8_t byte)
{
	pdb_buf_add(buf, &byte, 1);
}

void pdb_buf_add_uint(pdb_buf *buf, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	pdb_buf_add(buf, digits + at, sizeof(digits) - at);
}

void pdb_buf_add_int(pdb_buf *buf, int64_t number)
{
	if (number < 0) {
		pdb_buf_add_byte(buf, '-');
		pdb_buf_add_uint(buf, (uint64_t)0 - (uint64_t)number);
	} else {
		pdb_buf_add_uint(buf, (uint64_t)number);
	}
}

void pdb_buf_printf(pdb_buf *buf, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	/* One byte more for the NUL that vsnprintf insists on. */
	if (len < 0 || !pdb_buf_reserve(buf, (size_t)len + 1)) {
		buf->failed = true;
		return;
	}
	va_start(args, format);
	(void)vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, format, args);
	va_end(args);
	buf->len += (size_t)len;
}

pdb_status pdb_buf_status(const pdb_buf *buf, pdb_err *err)
{
	if (buf->failed) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for %zu bytes", buf->len);
	}
	return PDB_OK;
}
