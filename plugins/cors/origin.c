/* SPDX-License-Identifier: Apache-2.0 */
/* Origins are compared byte by byte, so what no browser would ever send is a mistake. */
#include "origin.h"

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

static const char *port_fault(const char *port, pdb_slice scheme)
{
	size_t len = strspn(port, DIGITS);

	if (len == 0 || len > 5 || port[len] != '\0' || port[0] == '0') {
		return "has a port that is none";
	}
	if ((pdb_slice_is(scheme, "https") && strcmp(port, "443") == 0) ||
	    (pdb_slice_is(scheme, "http") && strcmp(port, "80") == 0)) {
		return "names the usual port, which browsers leave out";
	}
	return NULL;
}

static const char *host_fault(const char *host, pdb_slice scheme)
{
	size_t len = host[0] == '[' ? 1 + strspn(host + 1, DIGITS "abcdef:.")
				    : strspn(host, LOWER DIGITS "-._");

	if (host[0] == '[') {
		if (host[len] != ']') {
			return "has an address without its \"]\"";
		}
		len++;
	}
	if (len == 0) {
		return "has no host in lower case behind \"://\"";
	}
	if (host[len] == '\0') {
		return NULL;
	}
	if (host[len] == '/') {
		return "goes on behind the host, which an origin does not: leave out the \"/\"";
	}
	return host[len] == ':' ? port_fault(host + len + 1, scheme)
				: "has a host that is not in lower case letters and digits";
}

const char *origin_fault(const char *text)
{
	size_t len = strspn(text, LOWER DIGITS "+-.");

	if (strcmp(text, "*") == 0) {
		return NULL;
	}
	if (strcmp(text, "null") == 0) {
		return "is what every sandboxed page sends: it names nobody";
	}
	if (strchr(text, '*') != NULL) {
		return "has a \"*\" in it; only whole origins, or \"*\" alone, can be allowed";
	}
	if (len == 0 || strncmp(text + len, "://", 3) != 0) {
		return "does not begin with a scheme in lower case, like https://";
	}
	return host_fault(text + len + 3, pdb_slice_of(text, len));
}

bool field_name_valid(const char *text)
{
	size_t len = strspn(text, LOWER DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-.^_`|~");

	return len > 0 && text[len] == '\0';
}
