/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of a KMS. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "wire/wire.h"

static pdb_status bad(const char *text, pdb_err *err)
{
	return pdb_err_set(err, PDB_EINVAL, NULL,
			   "\"%s\" is not an endpoint: unix:/path, http://address:port or "
			   "https://host:port",
			   text);
}

static bool port_good(const char *port)
{
	size_t len = strspn(port, "0123456789");
	unsigned long number = strtoul(port, NULL, 10);

	return len > 0 && len <= 5 && port[len] == '\0' && number <= 65535;
}

static pdb_status read_host(const char *text, const char *host, wire_endpoint *out, pdb_err *err)
{
	const char *colon = strrchr(host, ':');
	const char *end = colon;

	if (colon == NULL || colon == host || !port_good(colon + 1)) {
		return bad(text, err);
	}
	if (host[0] == '[') {
		host++;
		end--;
		if (*end != ']') {
			return bad(text, err);
		}
	} else if (memchr(host, ':', (size_t)(end - host)) != NULL) {
		return bad(text, err);
	}
	if (end <= host || (size_t)(end - host) >= sizeof(out->host)) {
		return bad(text, err);
	}
	memcpy(out->host, host, (size_t)(end - host));
	(void)snprintf(out->port, sizeof(out->port), "%s", colon + 1);
	return PDB_OK;
}

pdb_status wire_endpoint_read(const char *text, wire_endpoint *out, pdb_err *err)
{
	*out = (wire_endpoint){0};
	if (strncmp(text, "https://", 8) == 0) {
		out->tls = true;
		return read_host(text, text + 8, out, err);
	}
	if (strncmp(text, "http://", 7) == 0) {
		return read_host(text, text + 7, out, err);
	}
	if (strncmp(text, "unix:", 5) == 0) {
		text += 5;
	}
	/* sockaddr_un has 108 bytes, with the NUL */
	if (text[0] != '/' || strlen(text) > 107) {
		return bad(text, err);
	}
	out->local = true;
	(void)snprintf(out->host, sizeof(out->host), "%s", text);
	return PDB_OK;
}

bool wire_endpoint_safe(const wire_endpoint *endpoint)
{
	struct in_addr four;
	struct in6_addr six;

	if (endpoint->local || endpoint->tls) {
		return true;
	}
	if (inet_pton(AF_INET, endpoint->host, &four) == 1) {
		return ntohl(four.s_addr) >> 24 == 127;
	}
	/* a name is not an address: whoever answers for it decides */
	return inet_pton(AF_INET6, endpoint->host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}
