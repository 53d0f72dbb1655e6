/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's entry. */
#include <unistd.h>

#include "server/server.h"

int main(int argc, char **argv)
{
	return pdb_server_main(argc, argv, environ);
}
