/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the store. */
#include "store/store.h"

static const char *const SYNC_CHOICES[] = {"always", "interval", NULL};

static const pdb_option ROWS[] = {
	{.key = "storage.backend",
	 .type = PDB_OPTION_STRING,
	 .offset = offsetof(pdb_store_options_settings, backend),
	 .fallback = "wiredtiger",
	 .min = 1,
	 .max = 64,
	 .help = "The storage backend, a plugin under storage-backends/."},
	{.key = "storage.inner",
	 .type = PDB_OPTION_STRING,
	 .offset = offsetof(pdb_store_options_settings, inner),
	 .fallback = "",
	 .min = 0,
	 .max = 64,
	 .help = "The backend below one that wraps another, as chaos does."},
	{.key = "storage.sync",
	 .type = PDB_OPTION_ENUM,
	 .offset = offsetof(pdb_store_options_settings, sync),
	 .fallback = "always",
	 .choices = SYNC_CHOICES,
	 .help = "always: a write is answered after it is on disk. interval: at once; a crash or "
		 "power cut then loses answered writes of up to storage.sync_interval."},
	{.key = "storage.sync_interval",
	 .type = PDB_OPTION_DURATION,
	 .offset = offsetof(pdb_store_options_settings, sync_interval),
	 .fallback = "100ms",
	 .min = INT64_C(1000000),
	 .max = INT64_C(60000000000),
	 .help = "With storage.sync: interval, the loss window: answered writes that are younger "
		 "than this may be lost in a crash."},
	{.key = "storage.reserve",
	 .type = PDB_OPTION_SIZE,
	 .offset = offsetof(pdb_store_options_settings, reserve),
	 .fallback = "64MiB",
	 .min = 0,
	 .max = INT64_C(1) << 50,
	 .unit = "bytes",
	 .help = "Writes are refused while the disk has less free space than this; 0 switches the "
		 "check off."},
};

const pdb_option_table pdb_store_options = PDB_OPTION_TABLE(ROWS, pdb_store_options_settings);
