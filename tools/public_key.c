/* SPDX-License-Identifier: Apache-2.0 */
/* Reads public keys. */
#include "tools/public_key.h"

#include <stdio.h>

#include "base/text.h"
#include "tools/command.h"

#define DIGITS (2 * PDB_PUBLIC_KEY_LEN)

static bool read_hex(const char *text, uint8_t out[PDB_PUBLIC_KEY_LEN])
{
	return strlen(text) >= DIGITS && (text[DIGITS] == '\0' || text[DIGITS] == '\n') &&
	       pdb_hex_decode(out, pdb_slice_of(text, DIGITS));
}

bool pdb_public_key_load(const char *path, uint8_t out[PDB_PUBLIC_KEY_LEN])
{
	FILE *file = fopen(path, "re");
	char text[80] = "";
	bool good = file != NULL && fgets(text, sizeof(text), file) != NULL && read_hex(text, out);

	if (file != NULL) {
		(void)fclose(file);
	}
	return good;
}

bool pdb_public_key_find(const char *given, uint8_t out[PDB_PUBLIC_KEY_LEN])
{
	if (read_hex(given, out) || pdb_public_key_load(given, out)) {
		return true;
	}
	pdb_complain("%s is neither a key nor a file with one", given);
	return false;
}
