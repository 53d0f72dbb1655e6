/* SPDX-License-Identifier: Apache-2.0 */
/* One spelling for each signature of version 2, so that none can be changed and still hold. */
#include "token.h"

#include <sodium.h>
#include <stdio.h>

bool token_looks(pdb_slice text)
{
	return pdb_slice_starts(text, PDB_SLICE("v2."));
}

/* Cuts what is before the next dot off the front; false without one. */
static bool cut(pdb_slice *rest, pdb_slice *part)
{
	const uint8_t *dot = rest->len > 0 ? memchr(rest->ptr, '.', rest->len) : NULL;

	if (dot == NULL || dot == rest->ptr) {
		return false;
	}
	*part = pdb_slice_of(rest->ptr, (size_t)(dot - rest->ptr));
	*rest = pdb_slice_skip(*rest, part->len + 1);
	return true;
}

static bool read_time(int64_t *out, pdb_slice digits)
{
	*out = 0;
	if (digits.len == 0 || digits.len > 18 || digits.ptr[0] == '0') {
		return false;
	}
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.ptr[i] < '0' || digits.ptr[i] > '9') {
			return false;
		}
		*out = *out * 10 + (digits.ptr[i] - '0');
	}
	return true;
}

static bool read_mac(uint8_t mac[TOKEN_MAC_SIZE], pdb_slice hex)
{
	size_t written = 0;

	for (size_t i = 0; i < hex.len; i++) {
		if (hex.ptr[i] >= 'A' && hex.ptr[i] <= 'F') {
			return false;
		}
	}
	return hex.len == 2 * (size_t)TOKEN_MAC_SIZE &&
	       sodium_hex2bin(mac, TOKEN_MAC_SIZE, (const char *)hex.ptr, hex.len, NULL, &written,
			      NULL) == 0 &&
	       written == TOKEN_MAC_SIZE;
}

bool token_read(token *out, pdb_slice text)
{
	pdb_slice rest = pdb_slice_skip(text, 3);
	pdb_slice digits;

	memset(out, 0, sizeof(*out));
	return token_looks(text) && cut(&rest, &out->id) && out->id.len <= TOKEN_ID_MAX &&
	       memchr(out->id.ptr, '\0', out->id.len) == NULL && cut(&rest, &digits) &&
	       read_time(&out->expires, digits) && read_mac(out->mac, rest);
}

void token_write(const token *made, char *out)
{
	char hex[2 * TOKEN_MAC_SIZE + 1];

	(void)sodium_bin2hex(hex, sizeof(hex), made->mac, sizeof(made->mac));
	(void)snprintf(out, TOKEN_MAX, "v2.%.*s.%lld.%s", PDB_SLICE_ARGS(made->id),
		       (long long)made->expires, hex);
}
