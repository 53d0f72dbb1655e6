/* SPDX-License-Identifier: Apache-2.0 */
/* The entry of progressdb-kms. */
#include "daemon/daemon.h"

int main(int argc, char **argv)
{
	return kms_daemon_main(argc, argv);
}
