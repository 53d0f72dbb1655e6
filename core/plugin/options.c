/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of option tables: no row may make the host write outside the settings. */
#include "config/config.h"
#include "plugin/plugin_private.h"

/* The row as ABI 1.0 knew it. */
#define STRIDE_MIN   PDB_UP_TO(pdb_option, help)
#define STRIDE_MAX   1024u
#define ROWS_MAX     1000u
#define SETTINGS_MAX ((size_t)1024 * 1024)

#define OPTION_FLAGS (PDB_OPTION_RELOADABLE | PDB_OPTION_SECRET | PDB_OPTION_REQUIRED)

/* True when a value of `size` bytes lies, aligned, inside the settings. */
static bool lies_inside(size_t offset, size_t size, size_t settings_size)
{
	size_t alignment = size > sizeof(void *) ? sizeof(void *) : size;

	return offset % alignment == 0 && size <= settings_size && offset <= settings_size - size;
}

static const char *row_fault(const pdb_option *row, size_t settings_size)
{
	size_t size = pdb_option_slot_size(row->type);

	if (row->key == NULL || row->key[0] == '\0') {
		return "has no key";
	}
	if (size == 0) {
		return "is of an unknown type";
	}
	if (!lies_inside(row->offset, size, settings_size)) {
		return "lies outside the settings";
	}
	if ((row->flags & ~OPTION_FLAGS) != 0) {
		return "has unknown flags";
	}
	if (row->type == PDB_OPTION_ENUM && (row->choices == NULL || row->choices[0] == NULL)) {
		return "has no choices";
	}
	if (row->min > row->max) {
		return "has bounds that cross";
	}
	if (row->help == NULL) {
		return "has no help text";
	}
	return NULL;
}

static pdb_status check_table(const pdb_option_table *table, pdb_err *err)
{
	if (table->rows == NULL || table->count > ROWS_MAX || table->settings_size > SETTINGS_MAX) {
		return pdb_err_set(err, PDB_EABI, NULL,
				   "the option table has %zu rows at %s and settings of %zu bytes",
				   table->count, table->rows == NULL ? "no address" : "an address",
				   table->settings_size);
	}
	if (table->stride < STRIDE_MIN || table->stride > STRIDE_MAX ||
	    table->stride % _Alignof(pdb_option) != 0) {
		return pdb_err_set(err, PDB_EABI, NULL,
				   "a row of the option table has %zu bytes; ABI 1.0 has %zu",
				   table->stride, STRIDE_MIN);
	}
	return PDB_OK;
}

pdb_status pdb__manifest_check_options(const pdb_manifest *manifest, pdb_err *err)
{
	const pdb_option_table *table = &manifest->options;
	pdb_status status;

	if (table->count == 0) {
		return PDB_OK;
	}
	status = check_table(table, err);
	for (size_t i = 0; status == PDB_OK && i < table->count; i++) {
		/* rows lie `stride` apart, which is not sizeof(pdb_option) for an older plugin */
		const pdb_option *row =
			(const void *)((const char *)table->rows + i * table->stride);
		const char *fault = row_fault(row, table->settings_size);

		if (fault != NULL) {
			status = pdb_err_set(err, PDB_EABI, NULL, "the option %s (row %zu) %s",
					     row->key != NULL ? row->key : "", i + 1, fault);
		}
	}
	return status;
}
