/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share. */
#ifndef PDB_METRICS_PRIVATE_H
#define PDB_METRICS_PRIVATE_H

#include <pdb/host.h>

/* -- text that grows --------------------------------------------------------------------------- */

typedef struct page_text {
	const pdb_host *host;
	char *data;
	size_t len;
	size_t room;
	bool failed; /* without memory; nothing is added any more */
} page_text;

void text_add(page_text *to, const char *what);
void text_add_byte(page_text *to, char byte);
/* In the shortest spelling that reads back as the same number. */
void text_add_number(page_text *to, double number);
void text_add_count(page_text *to, uint64_t count);
void text_fini(page_text *of);

/* -- the page ---------------------------------------------------------------------------------- */

typedef enum page_format {
	PAGE_PROMETHEUS, /* text 0.0.4 */
	PAGE_OPENMETRICS /* 1.0.0 */
} page_format;

const char *page_type(page_format format);
/* Every metric of the process. */
void page_write(const pdb_host *host, page_format format, page_text *out);

/* The format that an Accept field prefers; an empty one prefers Prometheus. */
page_format negotiate(pdb_slice accept);

#endif
